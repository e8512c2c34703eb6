package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// run executes one command line with an empty environment.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	app := App{Version: "test", Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errOut, Getenv: func(string) string { return "" }}
	code = app.Run(context.Background(), args)
	return code, out.String(), errOut.String()
}

func TestVersion(t *testing.T) {
	code, out, _ := run(t, "version")
	if code != 0 || !strings.HasPrefix(out, "groundwork test (go1.") {
		t.Errorf("exit code %d, %q", code, out)
	}
	code, out, _ = run(t, "version", "--format", "json")
	var doc VersionDocument
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v in %q", code, err, out)
	}
	if doc.FormatVersion != "1.0" || doc.Version != "test" {
		t.Errorf("got %+v", doc)
	}
	if _, out, _ = run(t, "version", "--format=yaml"); !strings.HasPrefix(out, "format_version: \"1.0\"\nversion: test\n") {
		t.Errorf("YAML is %q", out)
	}
}

func TestHelpNamesTheExitCodes(t *testing.T) {
	code, out, _ := run(t, "--help")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, c := range codes {
		if want := fmt.Sprintf("%3d  %s", c.code, c.meaning); !strings.Contains(out, want) {
			t.Errorf("the help lacks %q:\n%s", want, out)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"versi"}, `there is no command "versi"; did you mean "version"?`},
		{[]string{"version", "more"}, `unknown command "more"`},
		{[]string{"version", "--nonsense"}, "unknown flag: --nonsense"},
		{[]string{"version", "--format", "xml"}, `"xml" is none of table, json and yaml`},
	} {
		code, out, errOut := run(t, c.args...)
		if code != int(CodeUsage) || !strings.Contains(errOut, c.want) || !strings.Contains(errOut, "--help") || out != "" {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", c.args, code, out, errOut)
		}
	}
}

func TestErrorsInJSON(t *testing.T) {
	for _, args := range [][]string{
		{"--format", "json", "version", "--nonsense"},
		{"version", "--nonsense", "--format=json"},
	} {
		code, out, errOut := run(t, args...)
		var doc ErrorDocument
		if err := json.Unmarshal([]byte(errOut), &doc); err != nil {
			t.Fatalf("%v in %q", err, errOut)
		}
		want := ErrorDetail{CodeUsage, "usage", "unknown flag: --nonsense", "See groundwork version --help"}
		if code != 3 || out != "" || doc.Error != want || doc.FormatVersion != "1.0" {
			t.Errorf("%q: exit code %d, stdout %q, %+v", args, code, out, doc)
		}
	}
}

func TestCodeOf(t *testing.T) {
	held := &lease.HeldError{}
	for _, c := range []struct {
		err  error
		want Code
	}{
		{nil, CodeDone},
		{errors.New("any"), CodeError},
		{&UsageError{Problem: "x"}, CodeUsage},
		{fmt.Errorf("acquire: %w", held), CodeLocked},
		{&HintError{Err: held, Hint: "x"}, CodeLocked},
		{fmt.Errorf("read: %w", fs.ErrNotExist), CodeNotFound},
		{fmt.Errorf("wait: %w", context.Canceled), CodeInterrupted},
		{&ExitError{Code: 143}, 143},
		{&ExitError{Code: 2}, 2},
	} {
		if got := codeOf(c.err); got != c.want {
			t.Errorf("%v: code %d, want %d", c.err, got, c.want)
		}
	}
}

func TestExitErrorIsSilent(t *testing.T) {
	var errOut bytes.Buffer
	app := App{Stderr: &errOut}
	if code := app.finish(&ExitError{Code: 7}); code != 7 || errOut.Len() > 0 {
		t.Errorf("exit code %d, %q", code, errOut.String())
	}
}

// Every command needs what the generated pages show.
func TestEveryCommandIsDescribed(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no short description", cmd.CommandPath())
		}
		if strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: the short description ends with a full stop", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Long) {
			if len(line) > 110 {
				t.Errorf("%s: the help has a line of %d columns: %s", cmd.CommandPath(), len(line), line)
			}
		}
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	app := App{}
	walk(app.Command())
}

func TestTable(t *testing.T) {
	const whole, blocks = "NAME        HOLDER\npulumi:a/b  ci@日本\nc\n", "NAME    pulumi:a/b\nHOLDER  ci@日本\n\nNAME    c\n"
	for width, want := range map[int]string{0: whole, 19: whole, 18: blocks} {
		var b bytes.Buffer
		if err := table(&b, width, []string{"NAME", "HOLDER"}, [][]string{{"pulumi:a/b", "ci@日本"}, {"c", ""}}); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("%d columns: got\n%q\nwant\n%q", width, b.String(), want)
		}
	}
}

// Programs read the documents: every name in them is explained.
func TestDocumentsAreExplained(t *testing.T) {
	app := App{}
	locks, _, err := app.Command().Find([]string{"locks"})
	if err != nil {
		t.Fatal(err)
	}
	words := strings.FieldsFunc(locks.Long, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') })
	for _, document := range []any{LockDocument{}, LocksDocument{}, LockChangeDocument{}} {
		typ := reflect.TypeOf(document)
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if name != "format_version" && !slices.Contains(words, name) {
				t.Errorf("the help does not explain %s of %s", name, typ)
			}
		}
	}
}
