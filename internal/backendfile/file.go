package backendfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// Placement is how much of a file is groundwork's.
type Placement string

// The placements.
const (
	// WholeFile is a file that holds nothing else.
	WholeFile Placement = "file"
	// Block is a backend block, and remote states, inside somebody's file.
	Block Placement = "block"
)

// File is where a backend configuration is kept.
type File struct {
	Path string
	// Root is the directory that the file must be in; empty is the working directory.
	Root      string
	Format    backendcfg.Format
	Placement Placement
	IfExists  backendcfg.IfExists
	// Mode is that of a new file; zero is 0644.
	Mode fs.FileMode
	// Tool decides what shadows the file.
	Tool backendcfg.Tool
}

// Rendered is what a File is to hold.
type Rendered struct {
	// Content is all that groundwork manages: the whole file, or the blocks.
	Content  string
	fragment backendcfg.Fragment
	// variables are of FormatDotenv; the others of FormatPulumiProject.
	variables     []backendcfg.Variable
	url, skeleton string
}

// Sum is the SHA-256 of a content as it is on disk, in lower-case hexadecimal. The
// kind of line ends does not count: version control changes them.
func Sum(content string) string {
	sum := sha256.Sum256([]byte(unixLines(content)))
	return hex.EncodeToString(sum[:])
}

func unixLines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// Check refuses combinations that cannot work, before anything is read.
func (f File) Check() error {
	refuse := func(field, reason string) error { return &backendcfg.FieldError{Field: field, Reason: reason} }
	switch f.Format {
	case backendcfg.FormatTerraform, backendcfg.FormatTFBackend:
	case backendcfg.FormatPulumiProject, backendcfg.FormatDotenv:
		return f.checkInPlace()
	default:
		return refuse("format", fmt.Sprintf("is %q; use %q, %q, %q or %q", f.Format,
			backendcfg.FormatTerraform, backendcfg.FormatTFBackend, backendcfg.FormatPulumiProject, backendcfg.FormatDotenv))
	}
	name := filepath.Base(f.Path)
	switch {
	case f.Placement != WholeFile && f.Placement != Block:
		return refuse("placement", fmt.Sprintf("is %q; use %q or %q", f.Placement, WholeFile, Block))
	case f.Placement == Block && f.Format == backendcfg.FormatTFBackend:
		return refuse("placement", "is \"block\", but a tfbackend file holds arguments and no blocks; use placement = \"file\"")
	case f.Path == "":
		return nil // not known yet
	case strings.HasSuffix(name, ".json"):
		return refuse("path", fmt.Sprintf("is %s, which the tools read as JSON; groundwork writes HCL: give it a name that ends in .tf", f.Path))
	case f.Format == backendcfg.FormatTFBackend && (strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".tofu")):
		return refuse("path", fmt.Sprintf("is %s, which the tools would load as configuration and refuse; name a partial configuration like prod.s3.tfbackend", f.Path))
	}
	return nil
}

// Render renders c for f.
func (f File) Render(c backendcfg.Config) (Rendered, error) {
	if f.inPlace() {
		return f.renderInPlace(c)
	}
	if f.Placement == Block {
		fragment, err := backendcfg.RenderFragment(c)
		return Rendered{Content: fragment.String(), fragment: fragment}, err
	}
	text, err := backendcfg.Render(f.Format, c)
	return Rendered{Content: string(text)}, err
}

func (f File) options() backendcfg.FileOptions {
	return backendcfg.FileOptions{Root: f.Root, Mode: f.Mode, CreateDirs: true}
}

// Read gives what is on disk of what groundwork manages. Names are the remote
// states that it manages. Exists is false when nothing of it is there. The text
// is fit to be shown: credentials that somebody wrote into it are hidden.
func (f File) Read(names []string) (content string, exists bool, err error) {
	disk, exists, err := backendcfg.ReadFile(f.Path, f.options())
	if err != nil || !exists {
		return "", false, err
	}
	content, exists, err = f.found(disk, names)
	return shown(content), exists, err
}

// found is the managed part of a file's bytes, as it is.
func (f File) found(disk []byte, names []string) (string, bool, error) {
	if f.inPlace() {
		return f.foundInPlace(disk)
	}
	if f.Placement == WholeFile {
		return unixLines(string(disk)), true, nil
	}
	fragment, found, err := backendcfg.Extract(disk, f.Path, names...)
	return fragment.String(), found, err
}

func shown(content string) string {
	if !utf8.ValidString(content) {
		content = strings.ToValidUTF8(content, "\uFFFD")
	}
	return backendcfg.Redact(content)
}

// Create writes r where nothing is yet, or where IfExists allows it. It is safe to
// repeat: what an interrupted run left is exactly what is to be written, and
// passes under every IfExists.
func (f File) Create(r Rendered) error {
	return backendcfg.Update(f.Path, f.options(), func(old []byte, exists bool) ([]byte, error) {
		return f.created(old, exists, r)
	})
}

// CheckCreate says whether Create would succeed, and writes nothing. If the file
// replaces one that groundwork has at the same path in another form, old is that
// one and written its Sum; old is nil otherwise.
func (f File) CheckCreate(r Rendered, old *File, written string) error {
	disk, exists, err := backendcfg.ReadFile(f.Path, f.options())
	if err != nil {
		return err
	}
	if old != nil && exists {
		if disk, err = old.removed(disk, written); err != nil {
			return err
		}
		exists = len(disk) > 0
	}
	_, err = f.created(disk, exists, r)
	return err
}

// created is the content after Create.
func (f File) created(disk []byte, exists bool, r Rendered) ([]byte, error) {
	if f.inPlace() {
		return f.createdInPlace(disk, exists, r)
	}
	where, there := f.Path, exists
	var found string
	if exists {
		var err error
		if found, there, err = f.found(disk, r.fragment.Names()); err != nil {
			return nil, err
		}
	}
	if f.Placement == Block {
		where = "the backend configuration in " + f.Path
		// One of another type is Edit's to refuse: it says that a state may be there.
		there = there && !placeholder(found) && !f.otherType(disk, r.fragment)
	}
	if there && found == r.Content {
		return disk, nil
	}
	// What says the same in other words is adopted by putting it into groundwork's
	// words: otherwise it would show as drift for ever, and never count as its own.
	if _, err := backendcfg.Decide(f.IfExists, where, found, there, r.Content); err != nil {
		return nil, err
	}
	return f.put(disk, r, false)
}

// placeholder is true for the empty block by which people mark where the backend
// is to go.
func placeholder(fragment string) bool {
	switch strings.Join(strings.Fields(fragment), "") {
	case `backend"s3"{}`, `backend"pg"{}`, `backend"http"{}`:
		return true
	}
	return false
}

// otherType is true for a file with a backend of another type than want.
func (f File) otherType(disk []byte, want backendcfg.Fragment) bool {
	found, _, err := backendcfg.Extract(disk, f.Path)
	return err == nil && found.Backend != "" && found.Type() != want.Type()
}

func (f File) put(disk []byte, r Rendered, own bool) ([]byte, error) {
	if f.Placement == WholeFile {
		return []byte(r.Content), nil
	}
	return backendcfg.Edit(disk, f.Path, r.fragment, backendcfg.EditOptions{
		AllowReplace: f.IfExists == backendcfg.IfExistsOverwrite, Own: own,
	})
}

// Update brings what is on disk to r. Written is the Sum of what groundwork wrote
// last, and seen what Read gave last; a whole file that is neither was changed by
// somebody after the change was planned, which is a *ChangedError.
func (f File) Update(r Rendered, written, seen string) error {
	return backendcfg.Update(f.Path, f.options(), func(old []byte, exists bool) ([]byte, error) {
		return f.updated(old, exists, r, written, seen)
	})
}

// CheckUpdate says whether Update would succeed, and writes nothing.
func (f File) CheckUpdate(r Rendered, written, seen string) error {
	disk, exists, err := backendcfg.ReadFile(f.Path, f.options())
	if err == nil {
		_, err = f.updated(disk, exists, r, written, seen)
	}
	return err
}

func (f File) updated(disk []byte, exists bool, r Rendered, written, seen string) ([]byte, error) {
	if f.inPlace() {
		return f.updatedInPlace(disk, exists, r, written, seen)
	}
	if f.Placement == WholeFile && exists {
		found := unixLines(string(disk))
		if found == r.Content {
			return disk, nil
		}
		if Sum(found) != written && shown(found) != seen {
			return nil, &ChangedError{Path: f.Path}
		}
	}
	return f.put(disk, r, true)
}

// errKeep says that something else is in the file, so that it stays.
var errKeep = errors.New("the file holds more")

// Delete removes what groundwork manages: a whole file only if it still is what
// was written last, of which written is the Sum; of a block's file all but the
// block stays, and the file goes only if nothing is left in it.
func (f File) Delete(written string) error {
	err := backendcfg.Delete(f.Path, f.options(), func(old []byte) error {
		rest, err := f.removed(old, written)
		if err == nil && len(rest) > 0 {
			err = errKeep
		}
		return err
	})
	if !errors.Is(err, errKeep) {
		return err
	}
	return backendcfg.Update(f.Path, f.options(), func(old []byte, exists bool) ([]byte, error) {
		if !exists {
			return nil, nil
		}
		return f.removed(old, written)
	})
}

// CheckDelete says whether Delete would succeed, and removes nothing.
func (f File) CheckDelete(written string) error {
	disk, exists, err := backendcfg.ReadFile(f.Path, f.options())
	if err == nil && exists {
		_, err = f.removed(disk, written)
	}
	return err
}

// removed is the content after Delete; empty means no file.
func (f File) removed(disk []byte, written string) ([]byte, error) {
	if f.inPlace() {
		return f.removedInPlace(disk, written)
	}
	if f.Placement == Block {
		return backendcfg.Remove(disk, f.Path)
	}
	if Sum(string(disk)) != written {
		return nil, &ChangedError{Path: f.Path, Deleting: true}
	}
	return nil, nil
}

// Shadows lists what would keep the file from being used. Going is the path of a
// file that is about to be removed and does not count, or empty. Nothing shadows
// a partial configuration, which the tools read when they are told to, nor the
// formats that no tool of the two reads.
func (f File) Shadows(going string) ([]backendcfg.Shadow, error) {
	if f.Format != backendcfg.FormatTerraform {
		return nil, nil
	}
	dir := filepath.Dir(f.Path)
	shadows, err := backendcfg.Shadows(dir, f.Path, f.Tool)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // the directory is made along with the file
	}
	if going != "" && filepath.Dir(going) == dir {
		shadows = slices.DeleteFunc(shadows, func(s backendcfg.Shadow) bool {
			return s.File == filepath.Base(going) && s.Kind != backendcfg.ShadowNotLoaded
		})
	}
	return shadows, err
}

// ChangedError is a whole file that somebody changed since groundwork wrote it.
type ChangedError struct {
	Path string
	// Deleting is true if the file was to be deleted.
	Deleting bool
}

// Error says that the file was left alone, and how to go on.
func (e *ChangedError) Error() string {
	if e.Deleting {
		return e.Path + " was changed since groundwork wrote it, so it was not deleted: an apply brings it back to what the " +
			"configuration says, after which it can be deleted; to keep the file as it is, take the resource out of the state instead"
	}
	return e.Path + " was changed after this change was planned, so it was left alone: refresh, look at the new plan and apply that"
}
