package jsonscan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Object enters the object that comes next and calls member for each of its
// keys; member consumes exactly the value. The key is valid until member uses
// the scanner.
func (s *Scanner) Object(member func(key []byte) error) error {
	if s.peek() != '{' {
		return s.unexpected(`"{"`)
	}
	if err := s.enter('{'); err != nil {
		return err
	}
	depth := len(s.open)
	if s.peek() == '}' {
		return s.leave()
	}
	for {
		key, err := s.key()
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		if len(s.open) != depth {
			return s.fault("the reader of a member left a container open")
		}
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			return s.leave()
		default:
			return s.unexpected(afterValue('}'))
		}
	}
}

// Array enters the array that comes next and calls element before each of its
// elements, which element consumes.
func (s *Scanner) Array(element func(index int) error) error {
	if s.peek() != '[' {
		return s.unexpected(`"["`)
	}
	if err := s.enter('['); err != nil {
		return err
	}
	depth := len(s.open)
	if s.peek() == ']' {
		return s.leave()
	}
	for i := 0; ; i++ {
		if err := element(i); err != nil {
			return err
		}
		if len(s.open) != depth {
			return s.fault("the reader of an element left a container open")
		}
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			return s.leave()
		default:
			return s.unexpected(afterValue(']'))
		}
	}
}

func (s *Scanner) leave() error {
	s.pos++
	s.open = s.open[:len(s.open)-1]
	return nil
}

func (s *Scanner) key() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.unexpected("a key")
	}
	raw, err := s.rawString(MaxToken)
	if err != nil {
		return nil, err
	}
	key := s.unescape(raw)
	// The colon may lie past the end of the buffer that the key stands in.
	if s.buf[s.pos] != ':' {
		s.scratch = append(s.scratch[:0], key...)
		key = s.scratch
	}
	return key, s.colon()
}

// ReadString decodes the string that comes next. The result is valid until the
// scanner is used again.
func (s *Scanner) ReadString(limit int) ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.unexpected("a string")
	}
	raw, err := s.rawString(limit)
	if err != nil {
		return nil, err
	}
	return s.unescape(raw), nil
}

// ReadBool reads the boolean that comes next.
func (s *Scanner) ReadBool() (bool, error) {
	switch s.peek() {
	case 't':
		return true, s.literal("true")
	case 'f':
		return false, s.literal("false")
	default:
		return false, s.unexpected("a boolean")
	}
}

// Raw validates the next value and returns its text, which is valid until the
// scanner is used again. A value longer than limit is a TooLongError.
func (s *Scanner) Raw(limit int) ([]byte, error) {
	s.peek()
	s.startCapture(limit)
	err := s.Skip()
	return s.endCapture(err)
}

// rawString consumes a string and returns what stands between its quotes.
func (s *Scanner) rawString(limit int) ([]byte, error) {
	s.pos++
	s.startCapture(limit + len(`"`))
	raw, err := s.endCapture(s.skipString())
	if err != nil {
		return nil, err
	}
	return raw[:len(raw)-1], nil
}

func (s *Scanner) startCapture(limit int) {
	s.capturing, s.capFrom, s.capMax = true, s.pos, limit
	s.captured = s.captured[:0]
}

// endCapture returns what was consumed since startCapture: a part of the
// buffer where it lies in one piece, a copy otherwise.
func (s *Scanner) endCapture(err error) ([]byte, error) {
	s.capturing = false
	if err != nil {
		return nil, err
	}
	piece := s.buf[s.capFrom:s.pos]
	if len(s.captured)+len(piece) > s.capMax {
		return nil, &TooLongError{Offset: s.Offset(), Limit: s.capMax}
	}
	if len(s.captured) == 0 {
		return piece, nil
	}
	s.captured = append(s.captured, piece...)
	return s.captured, nil
}

// unescape decodes the inside of a string that was already validated, the way
// encoding/json does: what is not UTF-8, and half of a surrogate pair, become
// U+FFFD.
func (s *Scanner) unescape(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return raw
	}
	out := s.scratch[:0]
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case c == '\\':
			var n int
			out, n = appendEscape(out, raw[i:])
			i += n
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(raw[i:])
			out = utf8.AppendRune(out, r)
			i += n
		}
	}
	s.scratch = out
	return out
}

// appendEscape decodes the escape that raw begins with and returns its length.
func appendEscape(out, raw []byte) ([]byte, int) {
	switch raw[1] {
	case 'b':
		return append(out, '\b'), 2
	case 'f':
		return append(out, '\f'), 2
	case 'n':
		return append(out, '\n'), 2
	case 'r':
		return append(out, '\r'), 2
	case 't':
		return append(out, '\t'), 2
	case 'u':
		r := hex4(raw[2:])
		if !utf16.IsSurrogate(r) {
			return utf8.AppendRune(out, r), 6
		}
		if len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' {
			if pair := utf16.DecodeRune(r, hex4(raw[8:])); pair != utf8.RuneError {
				return utf8.AppendRune(out, pair), 12
			}
		}
		return utf8.AppendRune(out, utf8.RuneError), 6
	default: // quote, backslash, slash
		return append(out, raw[1]), 2
	}
}

func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		switch {
		case c <= '9':
			r = r<<4 | rune(c-'0')
		case c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			r = r<<4 | rune(c-'a'+10)
		}
	}
	return r
}
