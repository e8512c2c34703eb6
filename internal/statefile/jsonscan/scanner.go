// Package jsonscan reads one JSON document from a stream without holding it:
// what a caller does not ask for is validated and passed over, byte by byte,
// without an allocation. It accepts exactly what encoding/json accepts,
// invalid UTF-8 inside strings and a nesting of 10,000 included.
package jsonscan

import (
	"io"
	"math"
)

const (
	// MaxDepth is how deep containers may nest, the limit of encoding/json.
	MaxDepth = 10000

	// MaxToken is how long a key may be that is not passed over.
	MaxToken = 1 << 20

	// The first buffer is small, since most documents are.
	firstSize  = 4 << 10
	bufferSize = 64 << 10
	// slack lets eight bytes be loaded at any position up to the sentinel.
	slack = 8
	// maxEmptyReads ends a reader that neither delivers nor fails.
	maxEmptyReads = 100
)

// Kind says what a value is.
type Kind uint8

// The kinds of a JSON value.
const (
	Invalid Kind = iota
	Object
	Array
	String
	Number
	Bool
	Null
)

// String names the kind as an error message does.
func (k Kind) String() string {
	switch k {
	case Object:
		return "an object"
	case Array:
		return "an array"
	case String:
		return "a string"
	case Number:
		return "a number"
	case Bool:
		return "a boolean"
	case Null:
		return "null"
	case Invalid:
	}
	return "not a JSON value"
}

// Scanner reads one JSON document. Its methods consume the document in order;
// after an error the scanner is of no further use.
type Scanner struct {
	src io.Reader
	// buf[pos:end] is unread and buf[end] is zero: no JSON token holds a zero
	// byte, so the inner loops stop there without comparing positions.
	buf      []byte
	pos, end int
	size     int   // what buf grows to
	base     int64 // offset of buf[0] in the document
	err      error // why src delivers no more

	limit int64 // offset past which nothing more is read

	// open holds the closing byte of every container entered.
	open []byte

	capturing bool
	capFrom   int
	capMax    int
	captured  []byte
	scratch   []byte
}

// New returns a scanner of the document that r delivers.
func New(r io.Reader) *Scanner {
	return NewAt(r, 0, bufferSize)
}

// NewAt returns a scanner of a part of a document: offsets in its errors count
// from base, and its buffer holds up to size bytes.
func NewAt(r io.Reader, base int64, size int) *Scanner {
	size = min(max(size, 16), bufferSize)
	return &Scanner{src: r, buf: make([]byte, min(size, firstSize)+slack), size: size, base: base, limit: math.MaxInt64}
}

// Offset returns the position in the document, in bytes.
func (s *Scanner) Offset() int64 { return s.base + int64(s.pos) }

// SetLimit makes reading fail with ErrLimit once everything up to the given
// offset was read. It is coarse: what the buffer already holds is still
// delivered.
func (s *Scanner) SetLimit(offset int64) { s.limit = offset }

// ClearLimit removes the limit that SetLimit set.
func (s *Scanner) ClearLimit() { s.limit = math.MaxInt64 }

// refill replaces the consumed buffer and reports whether bytes arrived. It is
// called only with pos == end.
func (s *Scanner) refill() bool {
	if s.err != nil {
		return false
	}
	if s.capturing && !s.keep() {
		return false
	}
	if s.end > 0 && len(s.buf) < s.size+slack {
		s.buf = make([]byte, s.size+slack)
	}
	s.base += int64(s.end)
	s.pos, s.end, s.capFrom = 0, 0, 0
	s.buf[0] = 0
	if s.base >= s.limit {
		s.err = ErrLimit
		return false
	}
	for range maxEmptyReads {
		n, err := s.src.Read(s.buf[:len(s.buf)-slack])
		if n < 0 || n > len(s.buf)-slack {
			s.err = &ReadError{Offset: s.base, Err: errBadReader}
			return false
		}
		if err != nil && err != io.EOF {
			err = &ReadError{Offset: s.base + int64(n), Err: err}
		}
		s.err = err
		if n > 0 {
			s.end = n
			s.buf[n] = 0
			return true
		}
		if err != nil {
			return false
		}
	}
	s.err = &ReadError{Offset: s.base, Err: io.ErrNoProgress}
	return false
}

// keep saves the captured part of a buffer that is about to be replaced.
func (s *Scanner) keep() bool {
	if len(s.captured)+s.end-s.capFrom > s.capMax {
		s.err = &TooLongError{Offset: s.base, Limit: s.capMax}
		return false
	}
	s.captured = append(s.captured, s.buf[s.capFrom:s.end]...)
	return true
}

// peek passes over white space and returns the next byte, or 0 at the end of
// the input.
func (s *Scanner) peek() byte {
	if c := s.buf[s.pos]; c > ' ' {
		return c
	}
	return s.peekSpace()
}

func (s *Scanner) peekSpace() byte {
	const spaces = 0x2020202020202020
	p := s.pos
	for {
		switch c := s.buf[p]; c {
		case ' ':
			p++
			// Indentation comes in runs.
			for load64(s.buf, p) == spaces {
				p += 8
			}
		case '\n', '\r', '\t':
			p++
		case 0:
			s.pos = p
			if p < s.end || !s.refill() {
				return 0
			}
			p = 0
		default:
			s.pos = p
			return c
		}
	}
}

// Peek passes over white space and says what kind of value begins there.
func (s *Scanner) Peek() (Kind, error) {
	switch c := s.peek(); c {
	case '{':
		return Object, nil
	case '[':
		return Array, nil
	case '"':
		return String, nil
	case 't', 'f':
		return Bool, nil
	case 'n':
		return Null, nil
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return Number, nil
	default:
		return Invalid, s.unexpected("a value")
	}
}

// End checks that nothing but white space follows the document, and that the
// reader ends without an error.
func (s *Scanner) End() error {
	if s.peek() != 0 || s.pos < s.end {
		return s.unexpected("the end of the document")
	}
	if s.err != nil && s.err != io.EOF { //nolint:errorlint // refill stores io.EOF itself
		return s.err
	}
	return nil
}
