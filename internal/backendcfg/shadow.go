package backendcfg

import (
	"fmt"
	"path/filepath"
)

// ShadowKind is how a file stands in the way of a backend block in another one.
type ShadowKind string

// The kinds of shadow.
const (
	// ShadowCollision is a second backend block: the tool refuses both.
	ShadowCollision ShadowKind = "collision"
	// ShadowCloud is a cloud block: the tool refuses it beside a backend block.
	ShadowCloud ShadowKind = "cloud"
	// ShadowOverride is an override file whose backend or cloud block is used
	// instead. With backend "local" it is the usual way to bootstrap.
	ShadowOverride ShadowKind = "override"
	// ShadowTwin is a .tofu file that makes OpenTofu ignore the target.
	ShadowTwin ShadowKind = "twin"
	// ShadowHides is a .tf file that OpenTofu would ignore because of the target.
	ShadowHides ShadowKind = "hides"
	// ShadowNotLoaded is a target that the tool does not read at all.
	ShadowNotLoaded ShadowKind = "not_loaded"
)

// Shadow is one thing that would keep a backend block from being used.
type Shadow struct {
	Kind ShadowKind
	// File is the other file's name; for ShadowNotLoaded it is the target's.
	File string
	Line int
	// Type is the other block's backend type, or "cloud"; empty for twins.
	Type string
	// Message says what happens and what to do.
	Message string
}

// Shadows lists what would shadow, or collide with, a backend block in the file
// target of dir, whether that exists yet or not. The zero Tool counts what either
// tool would do.
func Shadows(dir, target string, tool Tool) ([]Shadow, error) {
	target = filepath.Base(target)
	ext := configExt(target, tool)
	if ext == "" || ignored(target) {
		return []Shadow{{Kind: ShadowNotLoaded, File: target, Message: fmt.Sprintf(
			"%s does not read %s: give the file a name that ends in .tf.", tool, target)}}, nil
	}
	d, err := ParseDir(dir, tool)
	if d == nil {
		return nil, err
	}
	out := twins(d, dir, target, tool)
	targetOverrides := isOverride(target, ext)
	for i := range d.Blocks {
		b := &d.Blocks[i]
		// What is in the target is not in the way, and twins are counted already.
		if b.File == target || tool != Terraform && (tofuTwin(b.File) == target || tofuTwin(target) == b.File) {
			continue
		}
		// An override replaces all that is loaded before it.
		if targetOverrides && (!b.Override || b.File < target) {
			continue
		}
		out = append(out, blockShadow(b, target))
	}
	return out, err
}

// twins finds the pairs of which OpenTofu reads one only.
func twins(d *Directory, dir, target string, tool Tool) []Shadow {
	if tool == Terraform {
		return nil
	}
	var out []Shadow
	names := append(append([]string(nil), d.Primary...), d.Override...)
	for hidden := range d.Hidden {
		names = append(names, hidden)
	}
	for _, name := range names {
		switch {
		case name == tofuTwin(target):
			out = append(out, Shadow{Kind: ShadowTwin, File: name, Line: 1, Message: fmt.Sprintf(
				"OpenTofu reads %s and ignores %s beside it: write the backend to %s, or rename one of them.",
				filepath.Join(dir, name), target, name)})
		case target == tofuTwin(name):
			out = append(out, Shadow{Kind: ShadowHides, File: name, Line: 1, Message: fmt.Sprintf(
				"%s makes OpenTofu ignore %s, and all that is in it: choose another name.",
				target, filepath.Join(dir, name))})
		}
	}
	return out
}

func blockShadow(b *Block, target string) Shadow {
	s := Shadow{Kind: ShadowCollision, File: b.File, Line: b.Line(), Type: b.Type}
	place := fmt.Sprintf("%s:%d", b.Range.Filename, b.Line())
	switch {
	case b.Override && b.Type == "local":
		s.Kind = ShadowOverride
		s.Message = fmt.Sprintf("%s overrides the backend with a local one, as a bootstrap does: remove %s and run init -migrate-state when the bucket is there.", place, b.File)
	case b.Override:
		s.Kind = ShadowOverride
		s.Message = fmt.Sprintf("%s is used instead of the backend in %s, since override files come last: remove that block.", place, target)
	case b.Cloud():
		s.Kind = ShadowCloud
		s.Message = fmt.Sprintf("%s has a cloud block, which cannot stand beside a backend block: move the state out of HCP Terraform and remove it.", place)
	default:
		s.Message = fmt.Sprintf("%s has a backend %q block already, and a second one is refused: remove it, or let groundwork edit %s instead of %s.", place, b.Type, b.File, target)
	}
	return s
}
