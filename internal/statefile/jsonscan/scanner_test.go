package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// skipAll validates a whole document.
func skipAll(r io.Reader, size int) error {
	s := NewAt(r, 0, size)
	if err := s.Skip(); err != nil {
		return err
	}
	return s.End()
}

// documents are accepted or refused as encoding/json accepts or refuses them.
var documents = []string{
	``, ` `, `{}`, `[]`, `""`, `0`, `-0`, `1`, `-`, `01`, `-01`, `1.`, `.5`, `1.5`, `1.5.5`, `1e`, `1e5`, `1E+5`, `1e-05`, `1e+`, `+1`,
	`true`, `tru`, `truex`, `false`, `falsy`, `null`, `nul`, `nullnull`, `NaN`, `Infinity`, `True`,
	`"a"`, `"`, `"\"`, `"\\"`, `"\u00e9"`, `"\u00g9"`, `"\u12"`, `"\x"`, `"\ud800"`, `"\ud83d\ude00"`, `"a` + "\n" + `b"`, `"a` + "\x00" + `b"`, `"` + "\x7f" + `"`,
	`"` + "\xff\xfe" + `"`, "\xef\xbb\xbf{}", "\xff{}", "\x00", "{}\x00", "{} \n", `{} {}`, `{}]`, `[1,2,]`, `[,1]`, `[1 2]`, `[1,,2]`, `[`, `]`, `[1`, `[1,`, `[[]]`, `[{}]`,
	`{"a":1}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{a:1}`, `{1:1}`, `{"a":1 "b":2}`, `{"a":1,"b"}`, `{"a":1,"a":2}`, `{"a":[}`, `{"a":[}]`, `[{]}`, `{"a":{"b":[1,{"c":null}]}}`,
	"\t\r\n {\"a\"\t:\r\n 1 } ", "\v{}", "\u00a0{}", `/* */{}`, `{"a":1}//`, `'a'`, `["` + strings.Repeat("é", 99) + `"]`,
	strings.Repeat(" ", 77) + "1" + strings.Repeat("\n", 33), strings.Repeat("1", 500), `[` + strings.Repeat(`"0123456\\",`, 40) + `1]`,
}

func TestAcceptsWhatEncodingJSONAccepts(t *testing.T) {
	for _, doc := range documents {
		want := json.Valid([]byte(doc))
		for _, size := range []int{16, 17, 23, bufferSize} {
			err := skipAll(strings.NewReader(doc), size)
			if (err == nil) != want {
				t.Errorf("buffer of %d: %q: error %v, encoding/json says valid=%t", size, doc, err, want)
			}
		}
		if err := skipAll(iotest.OneByteReader(strings.NewReader(doc)), bufferSize); (err == nil) != want {
			t.Errorf("byte by byte: %q: error %v, encoding/json says valid=%t", doc, err, want)
		}
	}
}

func TestDepth(t *testing.T) {
	for _, brackets := range []string{"[]", `{"a":}`} {
		opening, closing := brackets[:len(brackets)-1], brackets[len(brackets)-1:]
		for _, depth := range []int{1, 9999, MaxDepth, MaxDepth + 1, 10 * MaxDepth} {
			inner := "1"
			doc := strings.Repeat(opening, depth) + inner + strings.Repeat(closing, depth)
			err := skipAll(strings.NewReader(doc), bufferSize)
			if want := json.Valid([]byte(doc)); (err == nil) != want {
				t.Errorf("%s nested %d times: error %v, encoding/json says valid=%t", brackets, depth, err, want)
			}
		}
	}
	var syntax *SyntaxError
	err := skipAll(strings.NewReader(strings.Repeat("[", 1<<20)), bufferSize)
	if !errors.As(err, &syntax) || syntax.Offset != MaxDepth {
		t.Errorf("endless nesting: %v", err)
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		doc       string
		offset    int64
		truncated bool
		message   string
	}{
		{`{"a":1`, 6, true, `invalid JSON at byte 6: the document ends where "," or "}" is expected`},
		{`{"a":x}`, 5, false, `invalid JSON at byte 5: found 'x' where a value is expected`},
		{`{"a":1]`, 6, false, `invalid JSON at byte 6: found ']' where "," or "}" is expected`},
		{`[1}`, 2, false, `invalid JSON at byte 2: found '}' where "," or "]" is expected`},
		{`{} x`, 3, false, `invalid JSON at byte 3: found 'x' where the end of the document is expected`},
		{`"a` + "\x01", 2, false, `invalid JSON at byte 2: a control character stands in a string`},
		{`"\q"`, 2, false, `invalid JSON at byte 2: found 'q' where an escape is expected`},
		{`<html>`, 0, false, `invalid JSON at byte 0: found '<' where a value is expected`},
		{`[tru]`, 4, false, `invalid JSON at byte 4: found ']' where true is expected`},
		{`{"a" 1}`, 5, false, `invalid JSON at byte 5: found '1' where ":" is expected`},
		{`{1}`, 1, false, `invalid JSON at byte 1: found '1' where a key or "}" is expected`},
		{"", 0, true, `invalid JSON at byte 0: the document ends where a value is expected`},
	} {
		err := skipAll(strings.NewReader(test.doc), 16)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: %v", test.doc, err)
			continue
		}
		if syntax.Offset != test.offset || syntax.Truncated != test.truncated || err.Error() != test.message {
			t.Errorf("%q: got %q (truncated %t), want %q", test.doc, err, syntax.Truncated, test.message)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) != test.truncated {
			t.Errorf("%q: errors.Is(err, io.ErrUnexpectedEOF) = %t", test.doc, !test.truncated)
		}
	}
}

// idle delivers nothing and never fails.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// liar claims more bytes than it was asked for.
type liar struct{}

func (liar) Read(p []byte) (int, error) { return len(p) + 1, nil }

func TestReaderFailures(t *testing.T) {
	boom := errors.New("boom")
	for name, test := range map[string]struct {
		r      io.Reader
		want   error
		offset int64
	}{
		"no progress":             {idle{}, io.ErrNoProgress, 0},
		"impossible count":        {liar{}, errBadReader, 0},
		"failure inside":          {io.MultiReader(strings.NewReader(`{"a":`), iotest.ErrReader(boom)), boom, 5},
		"failure after the end":   {io.MultiReader(strings.NewReader(`{"a":1}`), iotest.ErrReader(boom)), boom, 7},
		"failure with the data":   {iotest.DataErrReader(io.MultiReader(strings.NewReader(`{}`), iotest.ErrReader(boom))), boom, 2},
		"an early io.EOF is none": {io.MultiReader(strings.NewReader(`{"a":`), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF, 5},
	} {
		t.Run(name, func(t *testing.T) {
			err := skipAll(test.r, bufferSize)
			var read *ReadError
			if !errors.Is(err, test.want) || !errors.As(err, &read) || read.Offset != test.offset {
				t.Errorf("got %v, want %v at %d", err, test.want, test.offset)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	doc := `["` + strings.Repeat("x", 1<<20) + `"]`
	r := &counter{r: strings.NewReader(doc)}
	s := New(r)
	s.SetLimit(100_000)
	if err := s.Skip(); !errors.Is(err, ErrLimit) {
		t.Fatalf("got %v, want ErrLimit", err)
	}
	if r.n > 100_000+bufferSize {
		t.Errorf("%d bytes were read for a limit of 100000", r.n)
	}
	s = New(strings.NewReader(doc))
	s.SetLimit(10)
	s.ClearLimit()
	if err := s.Skip(); err != nil {
		t.Errorf("after ClearLimit: %v", err)
	}
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestStringsDecodeAsEncodingJSONDecodesThem(t *testing.T) {
	for _, doc := range append(documents,
		`"\ud83d\ude00x"`, `"\ud83d"`, `"\ud83dx"`, `"\ude00\ud83d"`, `"\ud83d\ud83d\ude00"`, `"\ud83d\u0041"`, `"\uD83D\uDE00"`,
		`"\"\\\/\b\f\n\r\t\u0000"`, `"é`+"\xc3"+`"`, `"`+"\xed\xa0\x80"+`"`, `"\u00e9\u00E9"`) {
		var want string
		if json.Unmarshal([]byte(doc), &want) != nil || !strings.HasPrefix(strings.TrimSpace(doc), `"`) {
			continue
		}
		for _, size := range []int{16, bufferSize} {
			got, err := NewAt(strings.NewReader(doc), 0, size).ReadString(MaxToken)
			if err != nil || string(got) != want {
				t.Errorf("%q: got %q, %v, want %q", doc, got, err, want)
			}
		}
	}
}

func TestTooLong(t *testing.T) {
	long := `"` + strings.Repeat("x", 100) + `"`
	for _, size := range []int{16, 64, bufferSize} {
		var tooLong *TooLongError
		if _, err := NewAt(strings.NewReader(long), 0, size).ReadString(99); !errors.As(err, &tooLong) {
			t.Errorf("buffer of %d: a string of 100 bytes with a limit of 99: %v", size, err)
		}
		if got, err := NewAt(strings.NewReader(long), 0, size).ReadString(100); err != nil || len(got) != 100 {
			t.Errorf("buffer of %d: a string of 100 bytes with a limit of 100: %v", size, err)
		}
		if _, err := NewAt(strings.NewReader(long), 0, size).Raw(101); !errors.As(err, &tooLong) {
			t.Errorf("buffer of %d: a value of 102 bytes with a limit of 101: %v", size, err)
		}
		if got, err := NewAt(strings.NewReader(long), 0, size).Raw(102); err != nil || string(got) != long {
			t.Errorf("buffer of %d: a value of 102 bytes with a limit of 102: %v", size, err)
		}
	}
}

// decode builds the value that encoding/json would, by every reading method.
func decode(s *Scanner) (any, error) {
	kind, err := s.Peek()
	if err != nil {
		return nil, err
	}
	switch kind {
	case Object:
		out := map[string]any{}
		err := s.Object(func(key []byte) error {
			name := string(key)
			v, err := decode(s)
			out[name] = v
			return err
		})
		return out, err
	case Array:
		out := []any{}
		err := s.Array(func(i int) error {
			if i != len(out) {
				return fmt.Errorf("element %d has index %d", len(out), i)
			}
			v, err := decode(s)
			out = append(out, v)
			return err
		})
		return out, err
	case String:
		text, err := s.ReadString(MaxToken)
		return string(text), err
	case Number:
		text, err := s.Raw(MaxToken)
		return json.Number(text), err
	case Bool:
		return s.ReadBool()
	default:
		return nil, s.Skip()
	}
}

// same fails the test unless the scanner reads doc as encoding/json does.
func same(t *testing.T, doc []byte, size int) {
	t.Helper()
	valid := json.Valid(doc)
	if err := skipAll(bytes.NewReader(doc), size); (err == nil) != valid {
		t.Fatalf("%q: skipping gives %v, encoding/json says valid=%t", doc, err, valid)
	}
	s := NewAt(bytes.NewReader(doc), 0, size)
	got, err := decode(s)
	if err == nil {
		err = s.End()
	}
	if (err == nil) != valid {
		t.Fatalf("%q: decoding gives %v, encoding/json says valid=%t", doc, err, valid)
	}
	if !valid {
		return
	}
	var want any
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	if err := dec.Decode(&want); err != nil {
		t.Fatal(err)
	}
	// encoding/json writes keys in order and numbers as they were.
	a, _ := json.Marshal(got)  //nolint:errchkjson // both values came out of JSON
	b, _ := json.Marshal(want) //nolint:errchkjson // both values came out of JSON
	if !bytes.Equal(a, b) {
		t.Fatalf("%q: decoded %s, encoding/json decodes %s", doc, a, b)
	}
	raw, err := NewAt(bytes.NewReader(doc), 0, size).Raw(len(doc))
	if err != nil || !bytes.Equal(raw, bytes.Trim(doc, " \t\r\n")) {
		t.Fatalf("%q: captured %q, %v", doc, raw, err)
	}
}

// randomJSON writes a document, and now and then a broken one.
func randomJSON(r *rand.Rand, b *bytes.Buffer, depth int) {
	space := []string{"", "", " ", "\n          ", "\t", "\r\n"}
	b.WriteString(space[r.IntN(len(space))])
	switch n := r.IntN(12); {
	case n < 3 && depth > 0:
		b.WriteByte('{')
		for i := range r.IntN(5) {
			if i > 0 {
				b.WriteByte(',')
			}
			randomString(r, b)
			b.WriteString(space[r.IntN(len(space))] + ":")
			randomJSON(r, b, depth-1)
		}
		b.WriteByte('}')
	case n < 6 && depth > 0:
		b.WriteByte('[')
		for i := range r.IntN(5) {
			if i > 0 {
				b.WriteByte(',')
			}
			randomJSON(r, b, depth-1)
		}
		b.WriteByte(']')
	case n < 8:
		randomString(r, b)
	case n < 11:
		numbers := []string{"0", "-1", "12345678901234567890", "1.5e300", "0.1", "-0", "1E-7"}
		b.WriteString(numbers[r.IntN(len(numbers))])
	default:
		words := []string{"true", "false", "null"}
		b.WriteString(words[r.IntN(len(words))])
	}
	b.WriteString(space[r.IntN(len(space))])
}

func randomString(r *rand.Rand, b *bytes.Buffer) {
	pieces := []string{"a", "name", "é", "\\n", "\\\"", "\\u00e9", "\\ud83d\\ude00", "\\ud83d", "\xff", "x/y", "longer than eight bytes ", "\\\\"}
	b.WriteByte('"')
	for range r.IntN(6) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	b.WriteByte('"')
}

func TestRandomDocuments(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same documents in every run
	for range 3000 {
		var b bytes.Buffer
		randomJSON(r, &b, 6)
		doc := b.Bytes()
		same(t, doc, 16+r.IntN(64))
		if len(doc) > 0 {
			broken := bytes.Clone(doc)
			broken[r.IntN(len(broken))] = "{}[]\",:\\ 0a\x00\xff"[r.IntN(13)]
			same(t, broken, 16+r.IntN(64))
			same(t, doc[:r.IntN(len(doc))], 16+r.IntN(64))
		}
	}
}

func TestMisuseIsAnError(t *testing.T) {
	s := New(strings.NewReader(`{"a":{"b":1}}`))
	err := s.Object(func([]byte) error { return s.enter('{') })
	if err == nil {
		t.Error("a member that leaves its value half read went unnoticed")
	}
	if _, err := New(strings.NewReader(`1`)).ReadString(10); err == nil {
		t.Error("a number was read as a string")
	}
	if _, err := New(strings.NewReader(`1`)).ReadBool(); err == nil {
		t.Error("a number was read as a boolean")
	}
	if err := New(strings.NewReader(`1`)).Array(func(int) error { return nil }); err == nil {
		t.Error("a number was read as an array")
	}
}

func TestSkippingAllocatesNothing(t *testing.T) {
	doc := []byte(`[` + strings.Repeat(`{"key":"val\u00e9ue","n":[1.5e3,true,null,{}]},`, 5000) + `1]`)
	r := bytes.NewReader(doc)
	s := New(r)
	allocations := testing.AllocsPerRun(10, func() {
		r.Reset(doc)
		*s = Scanner{src: r, buf: s.buf, size: s.size, limit: s.limit, open: s.open[:0]}
		s.buf[0] = 0
		if err := s.Skip(); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 1 {
		t.Errorf("%.0f allocations for %d bytes", allocations, len(doc))
	}
}

func FuzzScanner(f *testing.F) {
	for i, doc := range documents {
		f.Add([]byte(doc), uint8(i))
	}
	f.Fuzz(func(t *testing.T, doc []byte, size uint8) {
		same(t, doc, 16+int(size))
	})
}

// benchmarkDocument is like a state in shape: indented, and strings for the
// most part.
func benchmarkDocument() []byte {
	var b bytes.Buffer
	b.WriteString("[\n")
	for i := range 20000 {
		fmt.Fprintf(&b, "    {\n      \"id\": \"i-%08d\",\n      \"arn\": \"arn:aws:ec2:eu-west-1:123456789012:instance/i-%08d\",\n"+
			"      \"tags\": {\n        \"Name\": \"web \\\"%d\\\"\"\n      },\n      \"size\": %d,\n      \"ebs\": [\n        true,\n        null\n      ]\n    },\n", i, i, i, i)
	}
	b.WriteString("    {}\n]\n")
	return b.Bytes()
}

func BenchmarkSkip(b *testing.B) {
	doc := benchmarkDocument()
	b.Run("jsonscan", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if err := skipAll(bytes.NewReader(doc), bufferSize); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json-Valid", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if !json.Valid(doc) {
				b.Fatal("not valid")
			}
		}
	})
	b.Run("encoding-json-Decoder", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			dec := json.NewDecoder(bytes.NewReader(doc))
			for {
				if _, err := dec.Token(); err != nil {
					break
				}
			}
		}
	})
}
