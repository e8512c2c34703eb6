package jsonscan

import (
	"errors"
	"fmt"
	"io"
)

// ErrLimit is returned when the document goes on past the offset given to
// SetLimit.
var ErrLimit = errors.New("the document goes on past the reading limit")

var errBadReader = errors.New("the reader returned an impossible count")

// SyntaxError says where a document stops being JSON.
type SyntaxError struct {
	// Offset counts the bytes before the offending one.
	Offset int64
	// Reason says what was found and what was expected there.
	Reason string
	// Truncated is true when the input ended inside the document.
	Truncated bool
}

// Error describes the first fault of the document.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}

// Unwrap makes a document that is cut short match io.ErrUnexpectedEOF.
func (e *SyntaxError) Unwrap() error {
	if e.Truncated {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// ReadError says that the input itself failed.
type ReadError struct {
	// Offset counts the bytes that were delivered before the failure.
	Offset int64
	// Err is what the reader returned.
	Err error
}

// Error describes the failure and how far the reading came.
func (e *ReadError) Error() string {
	return fmt.Sprintf("reading failed after %d bytes: %v", e.Offset, e.Err)
}

// Unwrap returns the error of the reader.
func (e *ReadError) Unwrap() error { return e.Err }

// TooLongError says that a key or a value is longer than the caller allows.
type TooLongError struct {
	// Offset is where the limit was found to be passed.
	Offset int64
	// Limit is the longest that is allowed, in bytes.
	Limit int
}

// Error describes the limit.
func (e *TooLongError) Error() string {
	return fmt.Sprintf("a key or value near byte %d is longer than %d bytes", e.Offset, e.Limit)
}

// unexpected explains why the byte at the current position cannot stand there.
func (s *Scanner) unexpected(want string) error {
	if s.pos >= s.end {
		if s.err != nil && s.err != io.EOF { //nolint:errorlint // refill stores io.EOF itself
			return s.err
		}
		return &SyntaxError{Offset: s.Offset(), Reason: "the document ends where " + want + " is expected", Truncated: true}
	}
	return s.fault(fmt.Sprintf("found %q where %s is expected", s.buf[s.pos], want))
}

// fault is a syntax error at the current position.
func (s *Scanner) fault(reason string) error {
	return &SyntaxError{Offset: s.Offset(), Reason: reason}
}
