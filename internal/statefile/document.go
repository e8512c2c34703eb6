package statefile

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/statefile/jsonscan"
)

const (
	terraformVersion = 4
	minPulumiVersion = 3
	maxPulumiVersion = 4

	// A document in which nothing speaks for a state is given up after this
	// much of it: the tools write nothing else, whatever the order of keys.
	foreignBytes = 64 << 10
	foreignKeys  = 64

	// maxName bounds the strings that are read of every state.
	maxName = 1 << 20
)

// document reads one state.
type document struct {
	sc    *jsonscan.Scanner
	opts  Options
	sum   Summary
	visit func(Resource) error

	signs signs
	at    place
	// problem is the first thing that no tool would accept. It is reported
	// once the document is known to be a state.
	problem *MalformedError
	foreign struct {
		keys  int
		bytes int64
	}
	names   wanted
	strings interner
	// left is the memory that the attribute being decoded may still take.
	left int
}

func newDocument(r io.Reader, opts Options, visit func(Resource) error) *document {
	if opts.MaxValue <= 0 {
		opts.MaxValue = defaultMaxValue
	}
	return &document{sc: jsonscan.New(r), opts: opts, visit: visit, at: nowhere}
}

// signs is what speaks for one kind of state or another.
type signs struct {
	seen     fieldSet
	version  bool
	evidence int
	// terraform, encrypted and pulumi count the evidence for one kind.
	terraform, encrypted, pulumi int
}

const (
	weak   = 1 // a common word, well-formed
	strong = 2 // a word that other documents do not use
	proof  = 3 // evidence that makes a document a state
)

// certain reports whether the document is a state of some kind.
func (s *signs) certain() bool { return s.evidence >= proof }

func (s *signs) add(count *int, weight int) {
	*count += weight
	s.evidence += weight
}

// place is where in the document the reading is.
type place struct {
	root               string
	resource, instance int
}

var nowhere = place{resource: -1, instance: -1}

// path names a member of the object that is being read.
func (p place) path(member string) string {
	out := p.root
	if p.resource >= 0 {
		out += "[" + strconv.Itoa(p.resource) + "]"
	}
	if p.instance >= 0 {
		out += ".instances[" + strconv.Itoa(p.instance) + "]"
	}
	if out == "" || member == "" {
		return out + member
	}
	return out + "." + member
}

// read reads the document to its end and decides what it is.
func (d *document) read() error {
	if err := d.body(); err != nil {
		return err
	}
	if err := d.sc.End(); err != nil {
		return err
	}
	return d.decide()
}

// body reads the object that a state is.
func (d *document) body() error {
	kind, err := d.sc.Peek()
	if err != nil {
		return err
	}
	if kind == jsonscan.Array {
		return fmt.Errorf("%w: it holds an array", ErrNotState)
	}
	if kind != jsonscan.Object {
		return d.scalar(kind)
	}
	err = d.sc.Object(d.topLevel)
	if errors.Is(err, jsonscan.ErrLimit) {
		return errForeign()
	}
	return err
}

// scalar tells a lone JSON value from text that begins like one.
func (d *document) scalar(kind jsonscan.Kind) error {
	d.sc.SetLimit(foreignBytes)
	if err := d.sc.Skip(); err != nil && !errors.Is(err, jsonscan.ErrLimit) {
		return err
	}
	if err := d.sc.End(); err != nil && !errors.Is(err, jsonscan.ErrLimit) {
		return err
	}
	return fmt.Errorf("%w: it holds %s", ErrNotState, kind)
}

func errForeign() error { return notState("nothing in its first bytes belongs to one") }

func notState(reason string) error {
	return fmt.Errorf("%w: %s", ErrNotState, reason)
}

var topFields = map[string]field{
	"version": fVersion, "terraform_version": fTerraformVersion, "serial": fSerial, "lineage": fLineage,
	"outputs": fOutputs, "resources": fResources, "check_results": fCheckResults, "modules": fModules,
	"meta": fMeta, "encrypted_data": fEncryptedData, "encryption_version": fEncryptionVersion,
	"checkpoint": fCheckpoint, "deployment": fDeployment, "latest": fLatest,
}

// topLevel reads one member of the document.
func (d *document) topLevel(key []byte) error {
	d.at = nowhere
	f := lookup(topFields, key)
	if f == fUnknown || !d.once(&d.signs.seen, f, key) {
		return d.skipForeign()
	}
	switch f {
	case fVersion:
		return d.version()
	case fTerraformVersion:
		return d.sign(&d.signs.terraform, strong, "terraform_version", &d.sum.ToolVersion)
	case fLineage:
		return d.sign(&d.signs.terraform, strong, "lineage", &d.sum.Lineage)
	case fSerial:
		ok, err := d.readUint("serial", &d.sum.Serial)
		if ok {
			d.signs.add(&d.signs.terraform, weak)
		}
		return err
	case fOutputs:
		return d.terraformOutputs()
	case fResources:
		return d.terraformResources()
	case fCheckpoint:
		return d.pulumiCheckpoint()
	case fDeployment, fLatest:
		return d.pulumiDeployment(f)
	case fEncryptedData, fEncryptionVersion:
		return d.encryptedMember()
	default:
		return d.minorMember(f)
	}
}

// sign reads a string whose presence is evidence.
func (d *document) sign(count *int, weight int, member string, to *string) error {
	ok, err := d.readString(member, to)
	if ok && *to != "" {
		d.signs.add(count, weight)
	}
	return err
}

func (d *document) version() error {
	ok, err := d.readUint("version", &d.sum.Version)
	if ok {
		d.signs.version = true
		d.signs.evidence += weak
	}
	return err
}

// encryptedMember reads one of the two members that only OpenTofu's envelope
// has. The data are passed over.
func (d *document) encryptedMember() error {
	kind, err := d.sc.Peek()
	if err != nil {
		return err
	}
	if kind != jsonscan.String {
		return d.skipForeign()
	}
	d.signs.add(&d.signs.encrypted, strong)
	return d.sc.Skip()
}

// minorMember passes over a member that is known but not read.
func (d *document) minorMember(f field) error {
	kind, err := d.sc.Peek()
	if err != nil {
		return err
	}
	switch {
	case f == fModules && kind == jsonscan.Array:
		// Versions 1 to 3 kept their resources here.
		d.signs.add(&d.signs.terraform, weak)
	case f == fMeta && kind == jsonscan.Object:
		d.signs.evidence += weak
	case f == fCheckResults && kind == jsonscan.Array:
		d.signs.add(&d.signs.terraform, weak)
		return d.sc.Skip()
	}
	if d.signs.evidence > weak {
		return d.sc.Skip()
	}
	return d.skipForeign()
}

// doubt counts a part that belongs to no state against a document that is not
// yet known to be one.
func (d *document) doubt() error {
	if d.foreign.keys++; d.foreign.keys > foreignKeys && !d.signs.certain() {
		return notState("none of its first members belongs to one")
	}
	return nil
}

// skipForeign passes over a member that belongs to no state, or to a newer
// version of one. It gives up on a document that consists of such members.
func (d *document) skipForeign() error {
	if d.signs.certain() {
		return d.sc.Skip()
	}
	if err := d.doubt(); err != nil {
		return err
	}
	start := d.sc.Offset()
	d.sc.SetLimit(start + foreignBytes - d.foreign.bytes)
	err := d.sc.Skip()
	d.sc.ClearLimit()
	// The limit is coarse, this is not: how the input arrives in pieces must
	// not change the answer.
	if d.foreign.bytes += d.sc.Offset() - start; err == nil && d.foreign.bytes > foreignBytes {
		return errForeign()
	}
	return err
}

// decide says what the document was, when all of it was read.
func (d *document) decide() error {
	s := &d.signs
	switch {
	case s.encrypted > 0 && s.certain():
		d.sum.Kind, d.sum.Tool = Encrypted, ToolOpenTofu
		return d.sound()
	case s.pulumi > 0 && s.terraform >= proof:
		return &MalformedError{Path: "the document", Reason: "is both a Terraform state and a Pulumi checkpoint"}
	case s.pulumi > 0 && s.certain():
		return d.decidePulumi()
	case s.terraform > 0 && (s.certain() || s.version && d.sum.Version == terraformVersion):
		return d.decideTerraform()
	default:
		return notState("its keys belong to something else")
	}
}

func (d *document) decideTerraform() error {
	d.sum.Kind = Terraform
	switch {
	case d.signs.version && d.sum.Version != terraformVersion:
		return &UnsupportedVersionError{Kind: Terraform, Version: d.sum.Version, ToolVersion: d.sum.ToolVersion}
	case !d.signs.version && d.problem == nil:
		return &MalformedError{Path: "version", Offset: d.sc.Offset(), Reason: "is missing"}
	}
	if d.sum.Tool == "" {
		d.sum.Tool = ToolTerraform
	}
	return d.sound()
}

func (d *document) damaged() bool { return d.problem != nil }

// sound returns the problem that was found on the way, if any.
func (d *document) sound() error {
	if d.problem != nil {
		return d.problem
	}
	return nil
}

// malformed notes a problem; the first one is kept.
func (d *document) malformed(member, reason string) {
	if d.problem == nil {
		d.problem = &MalformedError{Path: d.at.path(member), Offset: d.sc.Offset(), Reason: reason}
	}
}
