package backendcfg

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" //nolint:gosec // AWS's documented example
	for name, tt := range map[string]struct{ in, want string }{
		"nothing":        {"bucket = \"b\"\nkey    = \"k\"\n", ""},
		"name of a rule": {"password_policy = \"strict\"", ""},
		"by name":        {"a = 1\n  secret_key = \"hunter2\"\n", "# Not shown: line 2 holds a credential (secret_key).\n"},
		"heredoc":        {"token = <<EOT\r\nhunter2\r\nEOT\r\n", "# Not shown: line 1 holds a credential (token).\n"},
		"access key":     {"key = \"AKIAIOSFODNN7EXAMPLE\"", "# Not shown: line 1 holds a credential (what looks like an AWS access key ID).\n"},
		"secret shape":   {"\n\nx = [\"a\", \"" + secret + "\"]", "# Not shown: line 3 holds a credential (what looks like an AWS secret access key).\n"},
		"comment":        {"# AWS_SECRET_ACCESS_KEY=" + secret, "# Not shown: line 1 holds a credential (a credential given as name=value).\n"},
		"URL":            {"endpoint = \"https://u:p@host\"", "# Not shown: line 1 holds a credential (a URL with a user name or password).\n"},
		"conn_str":       {"conn_str = \"user=u host=h\"", "# Not shown: line 1 holds a credential (conn_str).\n"},
		"keywords":       {"x = \"host=h sslpassword=p\"", "# Not shown: line 1 holds a credential (a credential given as name=value).\n"},
		"over two lines": {"# password =\n  hunter2", "# Not shown: there is a credential in it (a credential given as name=value).\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.want == "" {
				tt.want = tt.in
			}
			if got := Redact(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestRedactLeavesRenderings: what is rendered is compared with what is on disk.
func TestRedactLeavesRenderings(t *testing.T) {
	files, err := filepath.Glob("testdata/render/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no renderings: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if got := Redact(string(text)); got != string(text) {
			t.Errorf("%s became %s", f, got)
		}
	}
}

func FuzzRedact(f *testing.F) {
	const secret = "AKIAIOSFODNN7EXAMPLE"
	f.Add("access_key = \"", "\"\n")
	f.Add("\r\n# ", "\r")
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.Contains(Redact(before+"\n"+secret+"\n"+after), secret) {
			t.Error("the access key is still there")
		}
	})
}
