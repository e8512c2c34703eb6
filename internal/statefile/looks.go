package statefile

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// Verdict is what the first bytes of an object say about the rest.
type Verdict uint8

// The verdicts.
const (
	// No: Summarize would find no state in the object, whatever follows.
	No Verdict = iota
	// Maybe: these bytes do not decide it.
	Maybe
	// Yes: the object is a state, sound or not.
	Yes
)

// String names the verdict.
func (v Verdict) String() string {
	switch v {
	case Yes:
		return "yes"
	case Maybe:
		return "maybe"
	case No:
	}
	return "no"
}

// maxLook is how much of compressed bytes is looked at.
const maxLook = 1 << 20

var errPrefixEnd = errors.New("the prefix ends here")

// prefixEnd fails where the known part of an object ends.
type prefixEnd struct{}

// Read implements io.Reader.
func (prefixEnd) Read([]byte) (int, error) { return 0, errPrefixEnd }

// LooksLikeState tells from the first bytes of an object, some KiB, whether it
// is worth reading. Of a compressed object it looks inside as far as the bytes
// allow.
func LooksLikeState(prefix []byte) Verdict {
	if _, marked := hasByteOrderMark(prefix); marked {
		// No tool reads it, but a person may have put it there as a backup.
		return Maybe
	}
	in, err := open(context.Background(), io.MultiReader(bytes.NewReader(prefix), prefixEnd{}))
	if err != nil {
		var old *UnsupportedVersionError
		if errors.As(err, &old) {
			return Yes
		}
		return Maybe
	}
	defer in.Close()
	d := newDocument(io.MultiReader(io.LimitReader(in, maxLook), prefixEnd{}), Options{}, nil)
	err = d.body()
	if err == nil {
		// What may follow cannot make it another document.
		err = d.decide()
	}
	var syntax *SyntaxError
	switch {
	case d.signs.certain():
		return Yes
	case errors.Is(err, ErrNotState), errors.As(err, &syntax):
		return No
	case errors.Is(err, errPrefixEnd):
		return Maybe
	default:
		return Yes
	}
}
