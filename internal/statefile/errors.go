package statefile

import (
	"errors"
	"fmt"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/statefile/jsonscan"
)

var (
	// ErrEmpty is returned for an input of no bytes. The tools read it as a
	// state that was never written.
	ErrEmpty = errors.New("the state is empty (0 bytes)")
	// ErrNotState is returned for JSON that no tool would take for a state.
	ErrNotState = errors.New("this is JSON, but not a state of Terraform, OpenTofu or Pulumi")
	// ErrEncrypted is returned when resources are asked of a state that
	// OpenTofu encrypted.
	ErrEncrypted = errors.New("the state is encrypted by OpenTofu, so its resources cannot be listed: " +
		"run `tofu state pull` where its encryption is configured, and read what that prints")
)

type (
	// SyntaxError says where the input stops being JSON.
	SyntaxError = jsonscan.SyntaxError
	// TooLongError says that a key or value exceeds the memory it may take.
	TooLongError = jsonscan.TooLongError
	// ReadError says that the input could not be read to its end.
	ReadError = jsonscan.ReadError
)

// UnsupportedVersionError says that a state is in a format that is too old or
// too new to be read here. It may well manage something.
type UnsupportedVersionError struct {
	Kind    Kind
	Version uint64
	// ToolVersion is what wrote the state, where the state says so.
	ToolVersion string
}

// Error names the format and the way to one that is supported.
func (e *UnsupportedVersionError) Error() string {
	msg := fmt.Sprintf("%s of format version %d", e.Kind, e.Version)
	if e.ToolVersion != "" {
		msg += fmt.Sprintf(", written by %q,", e.ToolVersion)
	}
	switch {
	case e.Kind == Terraform && e.Version == 0:
		return msg + " is the binary format of Terraform 0.6: upgrade it with Terraform 0.6.16, then with a current one"
	case e.Kind == Terraform && e.Version < terraformVersion:
		return msg + " is too old to be read here: run `terraform apply -refresh-only` " +
			"in its working directory, which rewrites it in version 4"
	case e.Kind == Pulumi && e.Version < minPulumiVersion:
		return msg + " is too old to be read here: run `pulumi refresh` on the stack, which rewrites it in version 3"
	default:
		return msg + " is newer than what is known here: upgrade groundwork"
	}
}

// MalformedError says that a state is JSON, but not of the shape that its tool
// writes. It never shows a value of the state.
type MalformedError struct {
	// Path is the place in the document, for example resources[3].mode.
	Path string
	// Offset is the position in the document, in bytes.
	Offset int64
	Reason string
}

// Error names the place and what is wrong there.
func (e *MalformedError) Error() string {
	return fmt.Sprintf("damaged state: %s, at byte %d, %s", e.Path, e.Offset, e.Reason)
}

// DecompressError says that the compressed form of a state is damaged.
type DecompressError struct {
	Compression Compression
	Err         error
}

// Error names the compression and its complaint.
func (e *DecompressError) Error() string {
	return fmt.Sprintf("the %s data are damaged: %v", e.Compression, e.Err)
}

// Unwrap returns the error of the decompressor.
func (e *DecompressError) Unwrap() error { return e.Err }

// explain puts the name of the state before an error, and what to do behind it.
func explain(name string, err error) error {
	if name == "" {
		name = "state"
	}
	var (
		syntax     *SyntaxError
		malformed  *MalformedError
		decompress *DecompressError
	)
	switch {
	case errors.As(err, &syntax), errors.As(err, &malformed), errors.As(err, &decompress):
		return fmt.Errorf("%s: %w; restore an earlier version of it, or replace it with what the tool's own "+
			"`state pull` or `stack export` prints", name, err)
	default:
		return fmt.Errorf("%s: %w", name, err)
	}
}
