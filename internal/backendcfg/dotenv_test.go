package backendcfg

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var someVariables = []Variable{
	{"PULUMI_BACKEND_URL", anAddress}, {"AWS_REGION", "fr-par"}, {"", "A comment's own line."}, {"PULUMI_LOCK_TIMEOUT", "300"},
}

const someBlock = dotenvBegin + "\nPULUMI_BACKEND_URL='" + anAddress + "'\nAWS_REGION=fr-par\n# A comment's own line.\nPULUMI_LOCK_TIMEOUT=300\n" + dotenvEnd

func TestEditDotenv(t *testing.T) {
	windows := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	old := dotenvBegin + "\nPULUMI_BACKEND_URL=file://x\nOLD=1\n" + dotenvEnd
	for name, tt := range map[string]struct {
		before, after, removed string
		mode                   IfExists
	}{
		"no file":           {"", someBlock + "\n", "", IfExistsError},
		"appended":          {"A=1\n", "A=1\n\n" + someBlock + "\n", "A=1\n", IfExistsError},
		"no newline":        {"A=1", "A=1\n\n" + someBlock, "A=1", IfExistsError},
		"windows":           {"A=1\r\nB=2\r\n", windows("A=1\nB=2\n\n" + someBlock + "\n"), "A=1\r\nB=2\r\n", IfExistsError},
		"byte order mark":   {"\xef\xbb\xbf", "\xef\xbb\xbf" + someBlock + "\n", "\xef\xbb\xbf", IfExistsError},
		"empty lines":       {"A=1\n\n\n", "A=1\n\n\n\n" + someBlock + "\n", "A=1\n\n\n", IfExistsError},
		"replaced in place": {"A=1\n\n" + old + "\nB=2\n", "A=1\n\n" + someBlock + "\nB=2\n", "A=1\nB=2\n", IfExistsError},
		"adopted": {
			"# top\nexport AWS_REGION = fr-par # where\nB='x y'\n", "# top\n# where\nB='x y'\n\n" + someBlock + "\n", "# top\n# where\nB='x y'\n", IfExistsAdoptIdentical},
		"adopted, quoted": {"AWS_REGION=\"fr-par\"\n", someBlock + "\n", "", IfExistsAdoptIdentical},
		"overwritten":     {"AWS_REGION=us-east-1\nB=2\nPULUMI_BACKEND_URL=\"a\nb\"\n", "B=2\n\n" + someBlock + "\n", "B=2\n", IfExistsOverwrite},
		"overwritten around": {
			"AWS_REGION=1\n" + old + "\nAWS_REGION=2", someBlock + "\n", "", IfExistsOverwrite},
		"markers in a value": {"A=\"\n" + old + "\n\"\n", "A=\"\n" + old + "\n\"\n\n" + someBlock + "\n", "A=\"\n" + old + "\n\"\n", IfExistsError},
		"names in comments":  {"# AWS_REGION=x\nif true; then\n", "# AWS_REGION=x\nif true; then\n\n" + someBlock + "\n", "# AWS_REGION=x\nif true; then\n", IfExistsError},
		"longer names":       {"MY_AWS_REGION=x\nAWS_REGION_2=y\n", "MY_AWS_REGION=x\nAWS_REGION_2=y\n\n" + someBlock + "\n", "MY_AWS_REGION=x\nAWS_REGION_2=y\n", IfExistsError},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := EditDotenv([]byte(tt.before), ".env", someVariables, DotenvOptions{IfExists: tt.mode})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.after, string(out)); d != "" {
				t.Error(d)
			}
			again, err := EditDotenv(out, ".env", someVariables, DotenvOptions{})
			if err != nil || !bytes.Equal(again, out) {
				t.Errorf("the second edit: %v\n%s", err, again)
			}
			back, err := RemoveDotenv(out, ".env")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.removed, string(back)); d != "" {
				t.Errorf("after the removal: %s", d)
			}
		})
	}
}

func TestEditDotenvRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		src     string
		mode    IfExists
		message string
	}{
		"there":             {"A=1\nAWS_REGION=fr-par\n", IfExistsError, "a variable in .env exists already and says the same"},
		"there, different":  {"A=1\nAWS_REGION=hunter2\n", IfExistsAdoptIdentical, "differs (line 2 AWS_REGION)"},
		"after the block":   {someBlock + "\nAWS_REGION=hunter2\n", IfExistsError, "differs (line 7 AWS_REGION)"},
		"unclosed quote":    {"A=1\nB='hunter2\n", IfExistsError, ".env:2:3: this quote is never closed"},
		"more after quote":  {"B=\"hunter\"2\n", IfExistsError, "more follows after the closing quote"},
		"one line of two":   {"A=1\n" + dotenvBegin + "\n", IfExistsError, "(lines 2)"},
		"two blocks":        {someBlock + "\n" + someBlock + "\n", IfExistsError, "(lines 1, 6, 7, 12)"},
		"reversed":          {dotenvEnd + "\n" + dotenvBegin + "\n", IfExistsError, "(lines 1, 2)"},
		"zero byte":         {"A=\x00\n", IfExistsError, "zero byte"},
		"not UTF-8":         {"A=\xff\n", IfExistsError, "not UTF-8"},
		"too long":          {strings.Repeat("#", maxSourceBytes+1), IfExistsError, "bytes long"},
		"no such mode":      {"AWS_REGION=1\n", "x", "if_exists is \"x\""},
		"no such mode, new": {"", "x", "if_exists is \"x\""},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := EditDotenv([]byte(tt.src), ".env", someVariables, DotenvOptions{IfExists: tt.mode})
			if err == nil {
				t.Fatalf("edited:\n%s", out)
			}
			if !strings.Contains(err.Error(), tt.message) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, v := range []Variable{{"AWS_SECRET_ACCESS_KEY", "x"}, {"PULUMI_LOCK_DB_PASSWORD", "x"}, {"PULUMI_CONFIG_PASSPHRASE", "x"}, {"A", "AKIAIOSFODNN7EXAMPLE"}} {
		if _, err := RenderVariables([]Variable{v}); !errors.As(err, new(*CredentialError)) {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
	for _, value := range []string{"it's", "a\\b", "$HOME", "a\nb", "`id`"} {
		if _, err := RenderVariables([]Variable{{"A", value}}); !errors.As(err, new(*FieldError)) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// TestShellReadsDotenv: what is written means the same to a shell that sources it.
func TestShellReadsDotenv(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatalf("this test needs a POSIX shell: %v", err)
	}
	variables := []Variable{
		{"A", anAddress}, {"B", "two words  and more"}, {"C", "a#b"}, {"D", "x;y|z&(1)<2>[3]{4}*?!~\""}, {"E", "plain-1.2/3:4@5%6+7,8"}, {"F", "größe"}, {"G", "#c"},
	}
	src, err := EditDotenv([]byte("Z='before'\n"), ".env", variables, DotenvOptions{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(path, src, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, v := range append(variables, Variable{"Z", "before"}) {
		out, err := exec.CommandContext(t.Context(), sh, "-c", `. "$0"; printf %s "$`+v.Name+`"`, path).CombinedOutput()
		if err != nil || string(out) != v.Value {
			t.Errorf("%s reads as %q: %v", v.Name, out, err)
		}
	}
	d, err := parseDotenv(path, src)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range d.lines[d.begin:d.end] {
		for _, v := range variables {
			if v.Name == l.name && v.Value != l.value {
				t.Errorf("%s reads back as %q", v.Name, l.value)
			}
		}
	}
}

// FuzzEditDotenv: an edit leaves every other variable and line as it is, a second one changes
// nothing, and the removal of what was appended is its inverse.
func FuzzEditDotenv(f *testing.F) {
	for _, s := range []string{
		"", "A=1", "A=1\n", "A='x\ny'\n", "export A = \"\\\"\" # c\n", "AWS_REGION=x\n", "AWS_REGION=fr-par#c\n", "\xef\xbb\xbfA=1\r\n", "A=`x`\n",
		someBlock, "A=1\n\n" + someBlock + "\n\nB=2", someBlock + "\nAWS_REGION=2", dotenvBegin, dotenvEnd + "\r\n", "A=\\\n", "=", "A=\"\\", "\r", "A=1\r\nB=2\n",
		"A: 1\n", "  # " + dotenvBegin, " " + dotenvBegin + " \n" + dotenvEnd, "A=\"" + dotenvBegin + "\"\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		before := bytes.Clone(src)
		for _, mode := range []IfExists{IfExistsError, IfExistsAdoptIdentical, IfExistsOverwrite} {
			out, err := EditDotenv(src, ".env", someVariables, DotenvOptions{IfExists: mode})
			if !bytes.Equal(before, src) {
				t.Fatal("the input was changed")
			}
			if err != nil {
				if !errors.As(err, new(*ExistsError)) && !errors.As(err, new(*VerifyError)) {
					typed(t, err)
				}
				continue
			}
			again, err := EditDotenv(out, ".env", someVariables, DotenvOptions{})
			if err != nil || !bytes.Equal(out, again) {
				t.Fatalf("the second edit: %v\n%q\n%q", err, out, again)
			}
			back, err := RemoveDotenv(out, ".env")
			if err != nil {
				t.Fatalf("%v\n%q", err, out)
			}
			if d, err := parseDotenv("", src); err == nil && d.begin < 0 && mode == IfExistsError && !bytes.Equal(back, src) {
				t.Fatalf("the removal is not the inverse:\n%q\n%q\n%q", src, out, back)
			}
		}
	})
}
