package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	tests := map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"nothing asked for": {code: 2, stderr: "usage: tools"},
		"help":              {args: []string{"-h"}, stderr: "names: minio"},
		"unknown flag":      {args: []string{"-x"}, code: 2, stderr: "usage: tools"},
		"unknown tool":      {args: []string{"nonsense", "minio"}, code: 1, stderr: `"nonsense"`, stdout: "minio "},
		"known tool":        {args: []string{"minio"}, stdout: "minio "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), tc.args, &stdout, &stderr); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			if !strings.Contains(stdout.String(), tc.stdout) || !strings.Contains(stderr.String(), tc.stderr) {
				t.Errorf("stdout %q\nstderr %q", &stdout, &stderr)
			}
		})
	}
}
