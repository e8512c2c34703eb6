package backendcfg

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// shape builds a file that parses out of a stream of choices, so that the layouts
// that people, editors and generators leave behind are all reached, where random
// bytes would mostly be syntax errors.
type shape struct {
	choices []byte
	b       strings.Builder
	newline string
}

func (s *shape) pick(n int) int {
	if len(s.choices) == 0 {
		return 0
	}
	c := int(s.choices[0])
	s.choices = s.choices[1:]
	return c % n
}

func (s *shape) one(options ...string) { s.b.WriteString(options[s.pick(len(options))]) }

// nl ends a line, now and then with the other kind of newline.
func (s *shape) nl() {
	if s.pick(16) == 1 {
		s.one("\n", "\r\n")
		return
	}
	s.b.WriteString(s.newline)
}

// gap is what may stand between tokens on one line.
func (s *shape) gap() { s.one(" ", "", "  ", "\t", " /* } */ ", "/* \n */", "/*\r\n{*/ ") }

// lines are empty ones and comments.
func (s *shape) lines() {
	for range s.pick(4) {
		s.one("", " ", "\t", "# c", "  // backend \"s3\" {", "# c\r", "/* */", "  /* \n */ ", "#}", "# "+marker)
		s.nl()
	}
}

func (s *shape) indent() { s.one("  ", "", "\t", "    ", "   ", " \t") }

func (s *shape) argument(name string) {
	s.b.WriteString(name)
	s.gap()
	s.b.WriteString("=")
	s.gap()
	s.one(`">= 1"`, "1", `"${"}"}{"`, "[\n]", "{\r\n}", `{ a = "é" }`, `"$${"`, "null")
}

func (s *shape) heredoc() {
	s.b.WriteString("h = <<-EOT\nterraform {\n  backend \"s3\" {\n}}\nEOT")
}

// tail is what may follow on the line of a closing brace.
func (s *shape) tail() { s.one("", "", " ", " # t", "\t// t", " /* t */", " /* t \n */", " # t\r") }

func (s *shape) body(depth int, item func()) {
	s.one("{", " {", "\t{", "/**/{")
	switch s.pick(5) {
	case 0:
		s.one("}", " }", "/* e */}", "/*\n*/ }")
		return
	case 1:
		s.gap()
		s.argument("single")
		s.gap()
		s.b.WriteString("}")
		return
	}
	s.tail()
	s.nl()
	s.lines()
	for i := range s.pick(4) {
		s.indent()
		if depth > 0 && s.pick(3) == 0 {
			s.one("nested", "required_providers", "locals")
			s.body(depth-1, nil)
		} else if s.pick(6) == 5 {
			s.heredoc()
			s.b.WriteString(s.newline)
			closeBody(s)
			return
		} else {
			s.argument("a" + string(rune('a'+i)))
			s.one("", " # t", " ")
		}
		s.nl()
		s.lines()
	}
	if item != nil {
		item()
	}
	closeBody(s)
}

// closeBody closes a body that has lines.
func closeBody(s *shape) {
	s.one("", "  ", "\t", "/* last */ ", "    ")
	s.b.WriteString("}")
}

func (s *shape) backend() {
	if s.pick(3) != 0 {
		return
	}
	s.indent()
	s.b.WriteString(`backend "s3"`)
	s.body(1, nil)
	s.tail()
	s.nl()
	s.lines()
}

func (s *shape) file() string {
	s.newline = []string{"\n", "\r\n"}[s.pick(2)]
	s.one("", "", "", "\xef\xbb\xbf")
	s.lines()
	terraform := s.pick(4) != 0
	for range s.pick(4) {
		s.one("", "", "  ")
		switch kind := s.pick(4); {
		case kind == 0 && terraform:
			terraform = false
			s.b.WriteString("terraform")
			s.body(1, s.backend)
		case kind == 1:
			s.b.WriteString(`data "terraform_remote_state" `)
			s.one(`"other"`, `"infra"`, `"infra"`, `"last"`)
			s.body(1, nil)
		default:
			s.one("locals", `resource "terraform" "backend"`, `provider "x"`)
			s.body(2, nil)
		}
		s.tail()
		s.nl()
		s.lines()
	}
	out := s.b.String()
	if s.pick(3) == 0 {
		out = strings.TrimRight(out, "\r\n")
	}
	return out
}

func checkShape(t *testing.T, f Fragment, choices []byte) bool {
	t.Helper()
	src := []byte((&shape{choices: choices}).file())
	out, err := Edit(src, "shape.tf", f, EditOptions{})
	if err != nil {
		typed(t, err)
		return false
	}
	checkEdited(t, src, out, "shape.tf", f)
	if t.Failed() {
		t.Fatalf("file:\n%q\nedited:\n%q", src, out)
	}
	return true
}

func TestEditShapes(t *testing.T) {
	t.Parallel()
	f := mustFragment(t, scaleway())
	for part := range uint64(5) {
		t.Run(strconv.FormatUint(part, 10), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, part)) //nolint:gosec // the same files in every run
			edited := 0
			for range 100 {
				choices := make([]byte, 150)
				for i := range choices {
					choices[i] = byte(r.UintN(256))
				}
				if checkShape(t, f, choices) {
					edited++
				}
			}
			if edited < 50 {
				t.Errorf("only %d of 100 files could be edited: the generator makes too many that do not parse", edited)
			}
		})
	}
}

func FuzzEditShapes(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte(strings.Repeat("\x01\x02\x03\x00\x05", 30)))
	fragment := mustFragment(f, scaleway())
	f.Fuzz(func(t *testing.T, choices []byte) { checkShape(t, fragment, choices) })
}
