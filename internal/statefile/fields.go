package statefile

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/statefile/jsonscan"
)

// field is a member that is known in some object of a state.
type field uint8

const (
	fUnknown field = iota

	fVersion
	fTerraformVersion
	fSerial
	fLineage
	fOutputs
	fResources
	fCheckResults
	fModules
	fMeta
	fEncryptedData
	fEncryptionVersion
	fCheckpoint
	fDeployment
	fLatest

	fModule
	fMode
	fType
	fName
	fProvider
	fInstances

	fIndexKey
	fStatus
	fDeposed
	fAttributes
	fAttributesFlat
	fSensitiveAttributes
	fSkipDestroy

	fStack
	fManifest
	fPendingOperations
	fURN
	fID
	fDelete
	fExternal
	fTaint
	fInputs
)

// fieldSet remembers which members of an object were seen.
type fieldSet uint64

// lookup finds a key as encoding/json does for the tools: exactly, else in any
// case.
func lookup(fields map[string]field, key []byte) field {
	if f, ok := fields[string(key)]; ok {
		return f
	}
	if !needsFold(key) {
		return fUnknown
	}
	return fields[string(fold(key))]
}

func needsFold(key []byte) bool {
	for _, c := range key {
		if 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// fold lowers a key. Two letters outside ASCII fold into it: the long s and
// the Kelvin sign.
func fold(key []byte) []byte {
	return bytes.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case r == 'ſ':
			return 's'
		case r == '\u212a':
			return 'k'
		}
		return r
	}, key)
}

// once notes that a member was seen. A second one is a problem: tools keep the
// last, so counting both or either would be a guess.
func (d *document) once(seen *fieldSet, f field, key []byte) bool {
	if *seen&(1<<f) != 0 {
		d.malformed(string(fold(key)), "appears twice in one object")
		return false
	}
	*seen |= 1 << f
	return true
}

// expect reports whether the next value is of the kind that a member must
// have. A null counts as absent, any other kind is a problem; both are passed
// over.
func (d *document) expect(member string, want jsonscan.Kind) (bool, error) {
	kind, err := d.sc.Peek()
	if err != nil || kind == want {
		return err == nil, err
	}
	if kind == jsonscan.Null {
		return false, d.sc.Skip()
	}
	d.malformed(member, fmt.Sprintf("is %s instead of %s", kind, want))
	return false, d.skipForeign()
}

// readString reads a string member into to and reports whether there was one.
func (d *document) readString(member string, to *string) (bool, error) {
	text, ok, err := d.readText(member)
	if ok {
		*to = string(text)
	}
	return ok, err
}

// readText is readString without the copy: the text is valid until the scanner
// is used again.
func (d *document) readText(member string) ([]byte, bool, error) {
	if ok, err := d.expect(member, jsonscan.String); !ok {
		return nil, false, err
	}
	text, err := d.sc.ReadString(maxName)
	return text, err == nil, err
}

// readUint reads a whole number as the tools do: without a sign, a fraction or
// an exponent.
func (d *document) readUint(member string, to *uint64) (bool, error) {
	if ok, err := d.expect(member, jsonscan.Number); !ok {
		return false, err
	}
	text, err := d.sc.Raw(maxName)
	if err != nil {
		return false, err
	}
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		reason := "is not a whole number"
		if errors.Is(err, strconv.ErrRange) {
			reason = "is larger than any that the tools write"
		}
		d.malformed(member, reason)
		return false, nil
	}
	*to = n
	return true, nil
}

func (d *document) readBool(member string, to *bool) error {
	if ok, err := d.expect(member, jsonscan.Bool); !ok {
		return err
	}
	b, err := d.sc.ReadBool()
	*to = b
	return err
}

// object reads an object member; a null or a value of another kind is passed
// over.
func (d *document) object(name string, member func(key []byte) error) (bool, error) {
	if ok, err := d.expect(name, jsonscan.Object); !ok {
		return false, err
	}
	return true, d.sc.Object(member)
}

func (d *document) array(name string, element func(index int) error) (bool, error) {
	if ok, err := d.expect(name, jsonscan.Array); !ok {
		return false, err
	}
	return true, d.sc.Array(element)
}

// interner hands out one string for a text that comes again and again, as
// types and provider addresses do.
type interner struct {
	recent [16]string
	turn   int
}

func (in *interner) string(text []byte) string {
	for _, s := range in.recent {
		if s == string(text) {
			return s
		}
	}
	s := string(text)
	in.recent[in.turn%len(in.recent)] = s
	in.turn++
	return s
}
