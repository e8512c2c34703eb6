package statefile

import (
	"bytes"
	"math"
	"strconv"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/statefile/jsonscan"
)

// openTofuRegistry is in the provider addresses of most OpenTofu states, and
// in no other's.
var openTofuRegistry = []byte(`["registry.opentofu.org/`)

// terraformOutputs counts the outputs of the root module.
func (d *document) terraformOutputs() error {
	d.at.root = "outputs"
	_, err := d.object("", func([]byte) error {
		d.sum.Outputs++
		typed := false
		ok, err := d.object("", func(key []byte) error {
			typed = typed || string(fold(key)) == "type"
			return d.sc.Skip()
		})
		if err != nil || typed {
			return err
		}
		if ok {
			d.malformed("", "holds an output without a type")
		}
		return d.doubt()
	})
	return err
}

// terraformResources reads the array that holds every resource.
func (d *document) terraformResources() error {
	d.at.root = "resources"
	ok, err := d.array("", func(i int) error {
		d.at.resource, d.at.instance = i, -1
		return d.terraformResource()
	})
	if ok && d.problem == nil {
		d.signs.add(&d.signs.terraform, weak)
	}
	return err
}

// block is a resource of a Terraform state, which holds its instances.
type block struct {
	Resource
	seen fieldSet
	// objects, deposed and tainted count its instances.
	objects, deposed, tainted int
	// scattered is true once members came in another order than the tools
	// write, the one in which they are numbered.
	scattered bool
	last      field
	// streamed is true once instances were read.
	streamed bool
	// held is the text of the instances, when they came before the members
	// that say what they are instances of.
	held   []byte
	heldAt int64
}

var resourceFields = map[string]field{
	"module": fModule, "mode": fMode, "type": fType, "name": fName, "provider": fProvider, "instances": fInstances,
}

func (d *document) terraformResource() error {
	var b block
	ok, err := d.object("", func(key []byte) error {
		f := lookup(resourceFields, key)
		if f == fUnknown || !d.once(&b.seen, f, key) {
			return d.sc.Skip()
		}
		b.scattered = b.scattered || f < b.last
		b.last = f
		return d.terraformMember(&b, f)
	})
	if err != nil {
		return err
	}
	if !ok {
		d.malformed("", "is null")
		return d.doubt()
	}
	if b.held != nil {
		if err := d.releaseInstances(&b); err != nil {
			return err
		}
	}
	return d.countBlock(&b)
}

func (d *document) terraformMember(b *block, f field) error {
	switch f {
	case fModule:
		return d.blockText(b, "module", &b.Module)
	case fProvider:
		return d.blockText(b, "provider", &b.Provider)
	case fType:
		return d.blockText(b, "type", &b.Type)
	case fName:
		return d.blockText(b, "name", &b.Name)
	case fMode:
		return d.blockText(b, "mode", &b.Mode)
	default: // fInstances
		if d.visit == nil || b.identified() && !b.scattered {
			b.streamed = true
			return d.terraformInstances(b)
		}
		return d.holdInstances(b)
	}
}

// identified reports whether the members were seen that the tools always write
// before the instances. OpenTofu may leave the provider to the instances.
func (b *block) identified() bool {
	const need = 1<<fMode | 1<<fType | 1<<fName
	return b.seen&need == need
}

// blockText reads a member that every instance of a block shares.
func (d *document) blockText(b *block, member string, to *string) error {
	text, ok, err := d.readText(member)
	if !ok {
		return err
	}
	if member == "provider" && bytes.Contains(text, openTofuRegistry) {
		d.sum.Tool = ToolOpenTofu
	}
	if d.visit == nil && member != "mode" {
		return nil
	}
	if d.visit != nil && b.streamed {
		d.malformed(member, "comes after the instances that it belongs to, an order that no tool writes")
		return nil
	}
	*to = d.strings.string(text)
	return nil
}

// holdInstances keeps the text of instances that cannot be understood yet.
func (d *document) holdInstances(b *block) error {
	if ok, err := d.expect("instances", jsonscan.Array); !ok {
		return err
	}
	b.heldAt = d.sc.Offset()
	raw, err := d.sc.Raw(d.opts.MaxValue)
	b.held = bytes.Clone(raw)
	return err
}

// releaseInstances reads the instances that holdInstances kept.
func (d *document) releaseInstances(b *block) error {
	outer := d.sc
	d.sc = jsonscan.NewAt(bytes.NewReader(b.held), b.heldAt, len(b.held))
	err := d.terraformInstances(b)
	d.sc, b.held = outer, nil
	return err
}

func (d *document) terraformInstances(b *block) error {
	_, err := d.array("instances", func(i int) error {
		d.at.instance = i
		return d.terraformInstance(b)
	})
	d.at.instance = -1
	return err
}

// countBlock adds a block to the summary once its mode is known.
func (d *document) countBlock(b *block) error {
	switch b.Mode {
	case ModeManaged:
		d.sum.ManagedResources++
		d.sum.ManagedInstances += b.objects
		d.sum.Deposed += b.deposed
		d.sum.Tainted += b.tainted
	case ModeData:
		d.sum.DataInstances += b.objects
	case "":
		d.malformed("mode", "is missing")
		return d.doubt()
	default:
		d.malformed("mode", `is neither "managed" nor "data"`)
		return d.doubt()
	}
	if d.signs.terraform < proof {
		d.signs.add(&d.signs.terraform, strong)
	}
	if !b.identified() {
		d.malformed("", "has no type or no name")
	}
	return nil
}

var instanceFields = map[string]field{
	"index_key": fIndexKey, "status": fStatus, "deposed": fDeposed, "provider": fProvider,
	"attributes": fAttributes, "attributes_flat": fAttributesFlat,
	"sensitive_attributes": fSensitiveAttributes, "skip_destroy": fSkipDestroy,
}

func (d *document) terraformInstance(b *block) error {
	r := b.Resource
	var seen fieldSet
	ok, err := d.object("", func(key []byte) error {
		f := lookup(instanceFields, key)
		if f == fUnknown || !d.once(&seen, f, key) {
			return d.sc.Skip()
		}
		return d.instanceMember(&r, f)
	})
	if err != nil {
		return err
	}
	if !ok {
		d.malformed("", "is null")
		return nil
	}
	b.objects++
	if r.Deposed != "" {
		b.deposed++
	}
	if r.Tainted {
		b.tainted++
	}
	return d.deliver(&r)
}

func (d *document) instanceMember(r *Resource, f field) error {
	switch f {
	case fIndexKey:
		return d.indexKey(r)
	case fStatus:
		return d.status(r)
	case fDeposed:
		_, err := d.readString("deposed", &r.Deposed)
		return err
	case fAttributes:
		return d.attributes("attributes", d.namesOf(r.Type), &r.Attributes)
	case fAttributesFlat:
		if r.Attributes != nil {
			return d.sc.Skip()
		}
		return d.attributes("attributes_flat", d.namesOf(r.Type), &r.Attributes)
	case fSensitiveAttributes:
		return d.sensitive(r, d.namesOf(r.Type))
	case fProvider:
		// Only OpenTofu writes a provider, or skip_destroy, here.
		d.sum.Tool = ToolOpenTofu
		text, ok, err := d.readText("provider")
		if ok {
			r.Provider = d.strings.string(text)
		}
		return err
	default: // fSkipDestroy
		d.sum.Tool = ToolOpenTofu
		return d.sc.Skip()
	}
}

func (d *document) status(r *Resource) error {
	text, ok, err := d.readText("status")
	if !ok {
		return err
	}
	switch string(text) {
	case "":
	case "tainted":
		r.Tainted = true
	default:
		d.malformed("status", `is not "tainted"`)
	}
	return nil
}

// indexKey reads the key of an instance: a number for count, a string for
// for_each.
func (d *document) indexKey(r *Resource) error {
	kind, err := d.sc.Peek()
	if err != nil {
		return err
	}
	if kind != jsonscan.Number {
		var key string
		ok, err := d.readString("index_key", &key)
		if ok {
			r.IndexKey = key
		}
		return err
	}
	text, err := d.sc.Raw(maxName)
	if err != nil {
		return err
	}
	if n, ok := wholeNumber(string(text)); ok {
		r.IndexKey = n
	} else {
		d.malformed("index_key", "is not a whole number")
	}
	return nil
}

// wholeNumber reads a number as the tools read an index: any spelling will do,
// and what a float64 cannot hold is not expected.
func wholeNumber(text string) (int64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	x, err := strconv.ParseFloat(text, 64)
	return int64(x), err == nil && math.Abs(x) < 1<<53 && x == math.Trunc(x)
}
