package statefile

import (
	"bytes"
	"math/bits"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/statefile/jsonscan"
)

const (
	stackType      = "pulumi:pulumi:Stack"
	providerPrefix = "pulumi:providers:"
)

func isBookkeeping(typ string) bool {
	return typ == stackType || strings.HasPrefix(typ, providerPrefix)
}

var checkpointFields = map[string]field{"stack": fStack, "latest": fLatest}

// pulumiCheckpoint reads what the versioned checkpoint wraps.
func (d *document) pulumiCheckpoint() error {
	if ok, err := d.isObject(); !ok {
		return err
	}
	var seen fieldSet
	members := 0
	err := d.sc.Object(func(key []byte) error {
		members++
		f := lookup(checkpointFields, key)
		d.at = place{root: "checkpoint", resource: -1, instance: -1}
		switch {
		case f == fUnknown || !d.once(&seen, f, key):
			return d.skipDoubtfulMember()
		case f == fStack:
			var stack string
			err := d.sign(&d.signs.pulumi, strong, "stack", &stack)
			d.setStack(stack)
			return err
		default:
			return d.pulumiLatest("checkpoint.latest")
		}
	})
	if members == 0 {
		d.signs.add(&d.signs.pulumi, strong)
	}
	return err
}

// isObject passes over a member that is no object, and so not Pulumi's.
func (d *document) isObject() (bool, error) {
	kind, err := d.sc.Peek()
	if err != nil {
		return false, err
	}
	if kind == jsonscan.Object {
		return true, nil
	}
	if kind == jsonscan.Null {
		// The tool reads it as a stack that was never deployed.
		d.signs.add(&d.signs.pulumi, strong)
	}
	return false, d.skipForeign()
}

// skipDoubtfulMember passes over a member that is not read, of an object that
// may not be Pulumi's.
func (d *document) skipDoubtfulMember() error {
	if d.signs.pulumi > 0 {
		return d.sc.Skip()
	}
	return d.skipForeign()
}

// setStack takes apart organization/project/stack, or a legacy bare stack.
func (d *document) setStack(name string) {
	parts := strings.Split(name, "/")
	d.sum.Stack = parts[len(parts)-1]
	if len(parts) == 3 {
		d.sum.Project = parts[1]
	}
}

// pulumiDeployment reads an exported deployment, or the deployment of a
// checkpoint from before they had a version.
func (d *document) pulumiDeployment(f field) error {
	if ok, err := d.isObject(); !ok {
		return err
	}
	if f == fLatest {
		return d.pulumiLatest("latest")
	}
	return d.pulumiLatest("deployment")
}

var deploymentFields = map[string]field{
	"manifest": fManifest, "resources": fResources, "pending_operations": fPendingOperations,
}

func (d *document) pulumiLatest(root string) error {
	d.at = place{root: root, resource: -1, instance: -1}
	var seen fieldSet
	members := 0
	ok, err := d.object("", func(key []byte) error {
		members++
		f := lookup(deploymentFields, key)
		d.at = place{root: root, resource: -1, instance: -1}
		if f == fUnknown || !d.once(&seen, f, key) {
			return d.skipDoubtfulMember()
		}
		switch f {
		case fManifest:
			return d.pulumiManifest()
		case fResources:
			return d.pulumiResources(root + ".resources")
		default:
			return d.pulumiPending()
		}
	})
	if ok && members == 0 {
		d.signs.add(&d.signs.pulumi, strong)
	}
	return err
}

func (d *document) pulumiManifest() error {
	ok, err := d.object("manifest", func(key []byte) error {
		if string(fold(key)) != "version" {
			return d.sc.Skip()
		}
		_, err := d.readString("manifest.version", &d.sum.ToolVersion)
		return err
	})
	if ok {
		d.signs.add(&d.signs.pulumi, strong)
	}
	return err
}

func (d *document) pulumiPending() error {
	ok, err := d.array("pending_operations", func(int) error {
		d.sum.PendingOperations++
		return d.skipObject("pending_operations")
	})
	if ok {
		d.signs.add(&d.signs.pulumi, weak)
	}
	return err
}

func (d *document) pulumiResources(root string) error {
	_, err := d.array("resources", func(i int) error {
		d.at = place{root: root, resource: i, instance: -1}
		return d.pulumiResource()
	})
	return err
}

// node is a resource of a Pulumi deployment while it is read.
type node struct {
	Resource
	seen fieldSet
	// outputs counts the outputs.
	outputs int
	// held keeps outputs and inputs that came before the type.
	heldOutputs, heldInputs held
}

// held is the text of a part of the document, and where it stood.
type held struct {
	raw []byte
	at  int64
}

var nodeFields = map[string]field{
	"urn": fURN, "type": fType, "id": fID, "delete": fDelete, "external": fExternal, "taint": fTaint,
	"provider": fProvider, "inputs": fInputs, "outputs": fOutputs,
}

func (d *document) pulumiResource() error {
	var n node
	n.Mode = ModeManaged
	ok, err := d.object("", func(key []byte) error {
		f := lookup(nodeFields, key)
		if f == fUnknown || !d.once(&n.seen, f, key) {
			return d.sc.Skip()
		}
		return d.nodeMember(&n, f)
	})
	if err != nil {
		return err
	}
	if !ok || n.URN == "" || n.Type == "" {
		d.malformed("", "has no urn or no type")
		return d.doubt()
	}
	if err := d.releaseProperties(&n); err != nil {
		return err
	}
	return d.countNode(&n)
}

func (d *document) nodeMember(n *node, f field) error {
	var err error
	switch f {
	case fURN:
		_, err = d.readString("urn", &n.URN)
	case fType:
		var text []byte
		var ok bool
		if text, ok, err = d.readText("type"); ok {
			n.Type = d.strings.string(text)
		}
	case fID:
		_, err = d.readString("id", &n.ID)
	case fProvider:
		var text []byte
		var ok bool
		if text, ok, err = d.readText("provider"); ok {
			n.Provider = d.strings.string(text)
		}
	case fDelete:
		err = d.readBool("delete", &n.PendingDelete)
	case fExternal:
		err = d.readBool("external", &n.External)
	case fTaint:
		err = d.readBool("taint", &n.Tainted)
	case fInputs:
		err = d.properties(n, "inputs", &n.Inputs, &n.heldInputs)
	default: // fOutputs
		err = d.properties(n, "outputs", &n.Attributes, &n.heldOutputs)
	}
	return err
}

// properties decodes the wanted properties, or keeps them all where the type
// that decides what is wanted is not known yet.
func (d *document) properties(n *node, member string, to *map[string]any, keep *held) error {
	if n.Type == "" && d.holds(member) {
		if ok, err := d.expect(member, jsonscan.Object); !ok {
			return err
		}
		keep.at = d.sc.Offset()
		raw, err := d.sc.Raw(d.opts.MaxValue)
		keep.raw = bytes.Clone(raw)
		return err
	}
	if n.Type == stackType && member == "outputs" {
		return d.stackOutputs(n)
	}
	return d.attributes(member, d.namesOf(n.Type), to)
}

// holds reports whether properties matter before the type is known: those that
// the caller may want, and the outputs, which may be the stack's.
func (d *document) holds(member string) bool {
	return member == "outputs" || d.visit != nil && d.opts.Attributes != nil
}

// stackOutputs counts the outputs of the stack, and decodes the wanted ones.
func (d *document) stackOutputs(n *node) error {
	names := d.namesOf(n.Type)
	found := map[string]any{}
	_, err := d.object("outputs", func(key []byte) error {
		n.outputs++
		for _, name := range names {
			if name == string(key) {
				d.left = d.opts.MaxValue
				v, err := d.value()
				found[name] = v
				return err
			}
		}
		return d.sc.Skip()
	})
	if len(found) > 0 {
		n.Attributes = found
	}
	return err
}

// releaseProperties reads what properties kept, now that the type is known.
func (d *document) releaseProperties(n *node) error {
	outer := d.sc
	defer func() { d.sc = outer }()
	for _, p := range []struct {
		member string
		to     *map[string]any
		kept   *held
	}{{"outputs", &n.Attributes, &n.heldOutputs}, {"inputs", &n.Inputs, &n.heldInputs}} {
		if p.kept.raw == nil {
			continue
		}
		d.sc = jsonscan.NewAt(bytes.NewReader(p.kept.raw), p.kept.at, len(p.kept.raw))
		if err := d.properties(n, p.member, p.to, nil); err != nil {
			return err
		}
	}
	return nil
}

// countNode adds a resource to the summary and hands it on.
func (d *document) countNode(n *node) error {
	stack, project, name := splitURN(n.URN)
	if d.sum.Stack == "" {
		d.sum.Stack = stack
	}
	if d.sum.Project == "" {
		d.sum.Project = project
	}
	if d.signs.pulumi < proof {
		d.signs.add(&d.signs.pulumi, strong)
	}
	n.Name = name
	d.sum.Outputs += n.outputs
	if !isBookkeeping(n.Type) {
		d.sum.ManagedResources++
		d.sum.ManagedInstances++
		d.sum.Deposed += count(n.PendingDelete)
		d.sum.Tainted += count(n.Tainted)
		d.sum.External += count(n.External)
	}
	return d.deliver(&n.Resource)
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// splitURN takes apart urn:pulumi:STACK::PROJECT::TYPE::NAME, of which the name
// may itself hold colons.
func splitURN(urn string) (stack, project, name string) {
	parts := strings.SplitN(strings.TrimPrefix(urn, "urn:pulumi:"), "::", 4)
	if len(parts) < 4 {
		return "", "", ""
	}
	return parts[0], parts[1], parts[3]
}

// decidePulumi checks the version of what is a checkpoint or a deployment.
func (d *document) decidePulumi() error {
	d.sum.Kind, d.sum.Tool = Pulumi, ToolPulumi
	wrappers := d.signs.seen & (1<<fCheckpoint | 1<<fDeployment | 1<<fLatest)
	switch {
	case bits.OnesCount64(uint64(wrappers)) > 1:
		return &MalformedError{Path: "the document", Reason: "holds more than one checkpoint or deployment"}
	case wrappers == 1<<fLatest:
		return &UnsupportedVersionError{Kind: Pulumi, ToolVersion: d.sum.ToolVersion}
	case d.signs.version && (d.sum.Version < minPulumiVersion || d.sum.Version > maxPulumiVersion):
		return &UnsupportedVersionError{Kind: Pulumi, Version: d.sum.Version, ToolVersion: d.sum.ToolVersion}
	case !d.signs.version && d.problem == nil:
		return &MalformedError{Path: "version", Offset: d.sc.Offset(), Reason: "is missing"}
	}
	return d.sound()
}
