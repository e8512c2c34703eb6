package guard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// withSerial is a state of the same lineage at another serial.
func withSerial(state []byte, serial int) []byte {
	return bytes.Replace(state, []byte(`"serial":3`), fmt.Appendf(nil, `"serial":%d`, serial), 1)
}

func write(t *testing.T, content []byte, parts ...string) {
	t.Helper()
	file := filepath.Join(parts...)
	must(t, os.MkdirAll(filepath.Dir(file), 0o700))
	must(t, os.WriteFile(file, content, 0o600))
}

// record is what the tools write down about their backend.
func record(t *testing.T, typ string, config map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"version": 3, "backend": map[string]any{"type": typ, "config": config}})
	must(t, err)
	return text
}

// A state in the bucket that was moved to a local file does not count any more. Everything else
// that lies beside it does not make it any less alive.
func TestSuperseded(t *testing.T) {
	c := client(t)
	encrypted := []byte(`{"serial":3,"lineage":"0b1c2d3e","meta":{"k":"eyJ9"},"encrypted_data":"Owxo2e1C","encryption_version":"v0"}`)
	tests := map[string]struct {
		// arrange writes the working directory; state is what the bucket holds.
		arrange func(t *testing.T, dir, bucket string, state []byte)
		dataDir string
		moved   bool
	}{
		"nothing there":  {func(*testing.T, string, string, []byte) {}, "", false},
		"moved just now": {func(t *testing.T, dir, _ string, s []byte) { write(t, s, dir, localStateName) }, "", true},
		"moved, and changed since": {
			func(t *testing.T, dir, _ string, s []byte) { write(t, withSerial(s, 9), dir, localStateName) }, "", true,
		},
		"an older copy": {func(t *testing.T, dir, _ string, s []byte) { write(t, withSerial(s, 2), dir, localStateName) }, "", false},
		"another state": {
			func(t *testing.T, dir, _ string, s []byte) {
				write(t, bytes.Replace(s, []byte("0b1c2d3e"), []byte("ffffffff"), 1), dir, localStateName)
			}, "", false,
		},
		"a damaged file": {func(t *testing.T, dir, _ string, s []byte) { write(t, s[:len(s)/2], dir, localStateName) }, "", false},
		"being rewritten by the tool": {func(t *testing.T, dir, _ string, s []byte) {
			write(t, s[:len(s)/2], dir, localStateName)
			done := make(chan error, 1)
			time.AfterFunc(300*time.Millisecond, func() { done <- os.WriteFile(filepath.Join(dir, localStateName), s, 0o600) })
			t.Cleanup(func() { must(t, <-done) })
		}, "", true},
		"of a workspace": {
			func(t *testing.T, dir, _ string, s []byte) {
				write(t, s, dir, localStateName+".d", "dev", localStateName)
			}, "", true,
		},
		"encrypted on the way": {func(t *testing.T, dir, _ string, _ []byte) { write(t, encrypted, dir, localStateName) }, "", true},
		"a copy, while the bucket is in use": {func(t *testing.T, dir, bucket string, s []byte) {
			write(t, s, dir, localStateName)
			write(t, record(t, "s3", map[string]any{"bucket": bucket}), dir, ".terraform", localStateName)
		}, "", false},
		"moved to another bucket, by way of a file": {func(t *testing.T, dir, _ string, s []byte) {
			write(t, s, dir, localStateName)
			write(t, record(t, "s3", map[string]any{"bucket": "another"}), dir, ".terraform", localStateName)
		}, "", true},
		"initialised for a local backend": {func(t *testing.T, dir, _ string, s []byte) {
			write(t, s, dir, localStateName)
			write(t, record(t, "local", map[string]any{"path": nil}), dir, ".terraform", localStateName)
		}, "", true},
		"a local backend with a path of its own": {func(t *testing.T, dir, _ string, s []byte) {
			write(t, s, dir, "states", "here.json")
			write(t, record(t, "local", map[string]any{"path": "states/here.json"}), dir, ".terraform", localStateName)
		}, "", true},
		"a local backend with an absolute path": {func(t *testing.T, dir, _ string, s []byte) {
			file := filepath.Join(t.TempDir(), "here.json")
			write(t, s, file)
			write(t, record(t, "local", map[string]any{"path": file}), dir, ".terraform", localStateName)
		}, "", true},
		"a local backend with workspaces elsewhere": {func(t *testing.T, dir, _ string, s []byte) {
			write(t, s, dir, "spaces", "dev", localStateName)
			write(t, record(t, "local", map[string]any{"workspace_dir": "spaces"}), dir, ".terraform", localStateName)
		}, "", true},
		"a path of another kind of backend": {func(t *testing.T, dir, _ string, s []byte) {
			write(t, s, dir, "here.json")
			write(t, record(t, "http", map[string]any{"path": "here.json"}), dir, ".terraform", localStateName)
		}, "", false},
		"a record without a backend": {func(t *testing.T, dir, _ string, s []byte) {
			write(t, s, dir, localStateName)
			write(t, []byte(`{"version":3}`), dir, ".terraform", localStateName)
		}, "", true},
		"a record that cannot be read": {func(t *testing.T, dir, _ string, s []byte) {
			write(t, s, dir, localStateName)
			write(t, []byte(`{"version":3,`), dir, ".terraform", localStateName)
		}, "", false},
		"a record that is a folder": {func(t *testing.T, dir, _ string, s []byte) {
			write(t, s, dir, localStateName)
			must(t, os.MkdirAll(filepath.Join(dir, ".terraform", localStateName), 0o700))
		}, "", false},
		"in use, as recorded elsewhere": {func(t *testing.T, dir, bucket string, s []byte) {
			write(t, s, dir, localStateName)
			write(t, record(t, "s3", map[string]any{"bucket": bucket}), dir, "elsewhere", localStateName)
		}, "elsewhere", false},
		"in a folder of a difficult name": {func(t *testing.T, dir, _ string, s []byte) {
			write(t, s, dir, localStateName+".d", "[a-z]*", localStateName)
		}, "", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if tc.dataDir != "" {
				t.Setenv("TF_DATA_DIR", tc.dataDir)
			}
			bucket := newBucket(t, c, false)
			state := stateOf("managed", bucketType, bucket, c.Endpoint())
			put(t, c, bucket, "a.tfstate", state)
			dir := filepath.Join(t.TempDir(), "[w]ork *")
			must(t, os.Mkdir(dir, 0o700))
			tc.arrange(t, dir, bucket, state)
			r, err := Inspect(t.Context(), c, bucket, Options{WorkDir: dir})
			must(t, err)
			if len(r.States) != 1 || !r.States[0].ManagesBucket || r.States[0].Superseded != tc.moved {
				t.Fatalf("found %+v", r.States)
			}
			if r.States[0].Live() == tc.moved {
				t.Errorf("live %v", r.States[0].Live())
			}
			if err := Refuse(r, Permission{ForceDestroy: true}); (err == nil) != tc.moved {
				t.Errorf("unexpected %v", err)
			}
		})
	}
}
