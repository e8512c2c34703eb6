package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

func load64(b []byte, p int) uint64 { return binary.LittleEndian.Uint64(b[p : p+8]) }

// stringStops marks, with the high bit of each byte, what ends a run of plain
// string bytes: a quote, a backslash or a control character. Only the lowest
// mark is exact, which is the one that is used.
func stringStops(w uint64) uint64 {
	quote := w ^ (ones * '"')
	slash := w ^ (ones * '\\')
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w) & highs
}

// Skip validates the next value and passes over it.
func (s *Scanner) Skip() error {
	outer := len(s.open)
	for {
		opened, err := s.skipOrOpen()
		if err != nil {
			return err
		}
		if opened {
			continue
		}
		more, err := s.closeFinished(outer)
		if err != nil || !more {
			return err
		}
	}
}

// skipOrOpen passes over a scalar or an empty container, or stops before the
// first value inside a container.
func (s *Scanner) skipOrOpen() (opened bool, err error) {
	switch c := s.peek(); c {
	case '"':
		s.pos++
		return false, s.skipString()
	case '{', '[':
		return s.openContainer(c)
	case 't':
		return false, s.literal("true")
	case 'f':
		return false, s.literal("false")
	case 'n':
		return false, s.literal("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return false, s.skipNumber()
	default:
		return false, s.unexpected("a value")
	}
}

func (s *Scanner) openContainer(c byte) (opened bool, err error) {
	if err := s.enter(c); err != nil {
		return false, err
	}
	closing := s.open[len(s.open)-1]
	switch s.peek() {
	case closing:
		s.pos++
		s.open = s.open[:len(s.open)-1]
		return false, nil
	case '"':
		if closing == '}' {
			return true, s.skipKey()
		}
	default:
		if closing == '}' {
			return false, s.unexpected(`a key or "}"`)
		}
	}
	return true, nil
}

// enter consumes the opening bracket of a container.
func (s *Scanner) enter(c byte) error {
	if len(s.open) >= MaxDepth {
		return s.fault("containers nest deeper than 10000")
	}
	s.pos++
	// '{' + 2 is '}' and '[' + 2 is ']'.
	s.open = append(s.open, c+2)
	return nil
}

// closeFinished runs after a value: it leaves the containers that end there
// and stops before the next value. It reports false once the container at
// depth outer is reached.
func (s *Scanner) closeFinished(outer int) (more bool, err error) {
	for len(s.open) > outer {
		closing := s.open[len(s.open)-1]
		switch s.peek() {
		case ',':
			s.pos++
			if closing == '}' {
				return true, s.skipKey()
			}
			return true, nil
		case closing:
			s.pos++
			s.open = s.open[:len(s.open)-1]
		default:
			return false, s.unexpected(afterValue(closing))
		}
	}
	return false, nil
}

func afterValue(closing byte) string {
	if closing == '}' {
		return `"," or "}"`
	}
	return `"," or "]"`
}

// skipKey passes over a key and its colon.
func (s *Scanner) skipKey() error {
	if s.peek() != '"' {
		return s.unexpected("a key")
	}
	s.pos++
	if err := s.skipString(); err != nil {
		return err
	}
	return s.colon()
}

func (s *Scanner) colon() error {
	if s.peek() != ':' {
		return s.unexpected(`":"`)
	}
	s.pos++
	return nil
}

// skipString passes over a string whose opening quote was consumed.
func (s *Scanner) skipString() error {
	p := s.pos
	for {
		stops := stringStops(load64(s.buf, p))
		if stops == 0 {
			p += 8
			continue
		}
		p += bits.TrailingZeros64(stops) >> 3
		switch s.buf[p] {
		case '"':
			s.pos = p + 1
			return nil
		case '\\':
			s.pos = p + 1
			if err := s.skipEscape(); err != nil {
				return err
			}
		default:
			s.pos = p
			if p < s.end {
				return s.fault("a control character stands in a string")
			}
			if !s.refill() {
				return s.unexpected("the end of a string")
			}
		}
		p = s.pos
	}
}

// next returns the byte at the current position, refilling the buffer when it
// is used up, or 0 at the end of the input.
func (s *Scanner) next() byte {
	c := s.buf[s.pos]
	if c == 0 && s.pos == s.end && s.refill() {
		c = s.buf[s.pos]
	}
	return c
}

// skipEscape passes over what follows a backslash.
func (s *Scanner) skipEscape() error {
	switch s.next() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
		s.pos++
		for range 4 {
			if !isHex(s.next()) {
				return s.unexpected("a hexadecimal digit")
			}
			s.pos++
		}
		return nil
	default:
		return s.unexpected("an escape")
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// skipNumber passes over a number; what may follow it is checked by the caller.
func (s *Scanner) skipNumber() error {
	if s.next() == '-' {
		s.pos++
	}
	if s.next() == '0' {
		s.pos++
	} else if err := s.skipDigits(); err != nil {
		return err
	}
	if s.next() == '.' {
		s.pos++
		if err := s.skipDigits(); err != nil {
			return err
		}
	}
	if c := s.next(); c != 'e' && c != 'E' {
		return nil
	}
	s.pos++
	if c := s.next(); c == '+' || c == '-' {
		s.pos++
	}
	return s.skipDigits()
}

// skipDigits passes over one digit or more.
func (s *Scanner) skipDigits() error {
	if c := s.next(); c < '0' || c > '9' {
		return s.unexpected("a digit")
	}
	for c := s.next(); '0' <= c && c <= '9'; c = s.next() {
		s.pos++
	}
	return nil
}

func (s *Scanner) literal(word string) error {
	for i := range len(word) {
		if s.next() != word[i] {
			return s.unexpected(word)
		}
		s.pos++
	}
	return nil
}
