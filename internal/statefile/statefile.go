// Package statefile reads the states of Terraform, OpenTofu and Pulumi as a
// stream: what a state holds, and selected attributes of its resources,
// without loading the file. It reads what the tools would read: keys in any
// order and in any case, plain, gzip or zstd. What the tools would refuse or
// misread is an error here, never a smaller answer, since the answer decides
// whether a bucket may be destroyed.
package statefile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Kind says which tool's format a state is in.
type Kind uint8

// The kinds of state.
const (
	// Unknown is the kind of what is not, or not yet, known to be a state.
	Unknown Kind = iota
	// Terraform is a plain state of Terraform or OpenTofu.
	Terraform
	// Encrypted is a state that OpenTofu encrypted.
	Encrypted
	// Pulumi is a checkpoint of a Pulumi stack, or an exported deployment.
	Pulumi
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case Terraform:
		return "Terraform state"
	case Encrypted:
		return "encrypted OpenTofu state"
	case Pulumi:
		return "Pulumi checkpoint"
	case Unknown:
	}
	return "unknown"
}

// Names for Summary.Tool.
const (
	ToolTerraform = "terraform"
	ToolOpenTofu  = "opentofu"
	ToolPulumi    = "pulumi"
)

// Summary says what a state holds.
type Summary struct {
	Kind        Kind
	Compression Compression
	// Size is the length of the state in bytes, after decompression.
	Size int64
	// Version is the version of the format: 4 for Terraform, 3 or 4 for
	// Pulumi, 0 for an encrypted state, which shows none.
	Version uint64
	// Tool is the program that owns the state. OpenTofu writes what Terraform
	// writes: it is named where the content gives it away.
	Tool        string
	ToolVersion string

	// Serial and Lineage are Terraform's and OpenTofu's.
	Serial  uint64
	Lineage string

	// Outputs counts the outputs of the root module or of the stack.
	Outputs int
	// ManagedResources counts resource blocks, ManagedInstances the objects
	// that they stand for, deposed ones included. Pulumi has no blocks: both
	// count its resources, without the stack itself and its providers.
	ManagedResources int
	ManagedInstances int
	// DataInstances counts the instances of data sources.
	DataInstances int
	// Deposed counts the managed objects that were replaced and wait to be
	// destroyed.
	Deposed int
	// Tainted counts the managed objects that will be replaced.
	Tainted int

	// Stack and Project are Pulumi's. Both may be empty in an exported
	// deployment without resources, Project also in one of the legacy layout.
	Stack   string
	Project string
	// External counts the managed instances that Pulumi only reads.
	External int
	// PendingOperations counts what Pulumi had begun when it was interrupted.
	PendingOperations int
}

// Live reports whether destroying this state would orphan something. What an
// encrypted state holds is unknown, so it counts as live.
func (s *Summary) Live() bool {
	return s.Kind == Encrypted || s.ManagedInstances > 0 || s.PendingOperations > 0
}

// Options changes what a reading delivers.
type Options struct {
	// Name stands for the state in errors, for example its URL.
	Name string
	// Attributes returns the top-level attributes to decode for a resource
	// type; none are decoded without it. For Pulumi the type is the type
	// token, and the names are looked up in outputs and inputs.
	Attributes func(resourceType string) []string
	// MaxValue is how many bytes an attribute's value, or a resource block
	// whose keys were reordered, may take in memory. 0 stands for 64 MiB.
	MaxValue int
}

const defaultMaxValue = 64 << 20

// errStop ends a reading that the consumer wants no more of.
var errStop = errors.New("stop")

// Summarize reads a state to its end and says what it holds. Its errors are
// ErrEmpty, ErrNotState, *UnsupportedVersionError, *MalformedError,
// *SyntaxError, *TooLongError, *DecompressError and *ReadError.
func Summarize(ctx context.Context, r io.Reader, opts Options) (*Summary, error) {
	return Walk(ctx, r, opts, nil)
}

// Walk reads a state to its end, calls visit for each resource instance in it,
// and says what it holds, in one pass. Resources are visited before the whole
// state is known to be sound: on an error they mean nothing. An error of visit
// ends the reading and is returned as it is. Errors are those of Summarize.
func Walk(ctx context.Context, r io.Reader, opts Options, visit func(Resource) error) (*Summary, error) {
	in, err := open(ctx, r)
	if err != nil {
		return nil, explain(opts.Name, err)
	}
	defer in.Close()
	d := newDocument(in, opts, visit)
	err = d.read()
	if err == nil && in.source.err != nil {
		// A decompressor may take a source that fails for one that ends.
		err = &ReadError{Offset: d.sc.Offset(), Err: in.source.err}
	}
	if err != nil {
		var stopped *visitError
		if errors.As(err, &stopped) {
			return nil, stopped.err
		}
		return nil, explain(opts.Name, in.cause(err))
	}
	d.sum.Compression = in.compression
	d.sum.Size = d.sc.Offset()
	return &d.sum, nil
}

// Resources iterates over the resource instances of a state, reading it as the
// loop goes. The last pair carries an error if the state could not be read to
// its end; what came before it then means nothing. Resource blocks without
// instances do not appear. An encrypted state yields ErrEncrypted.
func Resources(ctx context.Context, r io.Reader, opts Options) iter.Seq2[Resource, error] {
	return func(yield func(Resource, error) bool) {
		sum, err := Walk(ctx, r, opts, func(res Resource) error {
			if !yield(res, nil) {
				return errStop
			}
			return nil
		})
		switch {
		case errors.Is(err, errStop):
		case err != nil:
			yield(Resource{}, err)
		case sum.Kind == Encrypted:
			yield(Resource{}, explain(opts.Name, ErrEncrypted))
		}
	}
}

// visitError carries what the visitor returned past the error handling of the
// reading.
type visitError struct{ err error }

// Error returns the text of the visitor's error.
func (e *visitError) Error() string { return fmt.Sprintf("visitor: %v", e.err) }
