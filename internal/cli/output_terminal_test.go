//go:build linux

package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// A table that the terminal is too narrow for is shown as blocks of lines.
func TestTableFitsTheTerminal(t *testing.T) {
	s := newShop(t)
	s.put("infra/terraform.tfstate.tflock", `{"ID":"4ee16c10-3c17-4c4b-a93a-e1f7a42e1e58","Who":"anna@laptop"}`)
	plain, _ := s.want(CodeDone, "locks", "list")
	for columns, want := range map[uint16]string{
		400: plain[:strings.IndexByte(plain, '\n')],
		80:  "KIND       lockfile\nLOCK       s3://" + s.bucket + "/infra/terraform.tfstate\nHOLDER     anna@laptop\n",
	} {
		master, terminal, err := pty.Open()
		s.must(err)
		s.must(pty.Setsize(terminal, &pty.Winsize{Rows: 25, Cols: columns}))
		shown := make(chan string, 1)
		go func() {
			text, _ := io.ReadAll(master) // a terminal ends in an error
			shown <- strings.ReplaceAll(string(text), "\r\n", "\n")
		}()
		app := App{Version: "test", Stdin: strings.NewReader(""), Stdout: terminal, Stderr: terminal, Getenv: s.getenv}
		code := app.Run(t.Context(), []string{"locks", "list", "--dir", s.dir})
		s.must(terminal.Close())
		if got := <-shown; code != 0 || !strings.HasPrefix(got, want) {
			t.Errorf("%d columns show, with exit code %d,\n%s\nwant\n%s", columns, code, got, want)
		}
		s.must(master.Close())
	}
}
