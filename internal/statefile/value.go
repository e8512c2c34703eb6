package statefile

import (
	"encoding/json"
	"slices"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/statefile/jsonscan"
)

// Pulumi marks values that JSON cannot express with this key. Its value says
// what the object stands for.
const (
	signatureKey = "4dabf18193072939515e22adb298388d"

	assetSignature     = "c44067f5952c0a294b673a41bacd8c17"
	archiveSignature   = "0def7320c3a5731c473e5ecbe6d01bc7"
	referenceSignature = "5cf8f73096256a8f31e491e813e4eb8e"
)

// attributes decodes the wanted members of an object and passes over the rest.
func (d *document) attributes(member string, names []string, to *map[string]any) error {
	if len(names) == 0 {
		return d.skipObject(member)
	}
	var found map[string]any
	ok, err := d.object(member, func(key []byte) error {
		i := slices.Index(names, string(key))
		if i < 0 {
			return d.sc.Skip()
		}
		if _, twice := found[names[i]]; twice {
			d.malformed(member+"."+names[i], "appears twice in one object")
			return d.sc.Skip()
		}
		d.left = d.opts.MaxValue
		value, err := d.value()
		if err != nil {
			return err
		}
		if found == nil {
			found = make(map[string]any, len(names))
		}
		found[names[i]] = value
		return nil
	})
	if ok {
		*to = found
	}
	return err
}

// skipObject passes over an object without looking at its members.
func (d *document) skipObject(member string) error {
	if ok, err := d.expect(member, jsonscan.Object); !ok {
		return err
	}
	return d.sc.Skip()
}

// overhead is what a decoded value takes in memory besides its text, about.
const overhead = 64

// spend takes the memory of a value from what is left for the attribute.
func (d *document) spend(text int) error {
	if d.left -= text + overhead; d.left < 0 {
		return &TooLongError{Offset: d.sc.Offset(), Limit: d.opts.MaxValue}
	}
	return nil
}

// value decodes the next value, whatever it is.
func (d *document) value() (any, error) {
	if err := d.spend(0); err != nil {
		return nil, err
	}
	kind, err := d.sc.Peek()
	if err != nil {
		return nil, err
	}
	switch kind {
	case jsonscan.Object:
		return d.objectValue()
	case jsonscan.Array:
		return d.arrayValue()
	case jsonscan.String:
		text, err := d.sc.ReadString(d.left)
		d.left -= len(text)
		return string(text), err
	case jsonscan.Number:
		text, err := d.sc.Raw(d.left)
		d.left -= len(text)
		return json.Number(text), err
	case jsonscan.Bool:
		return d.sc.ReadBool()
	default:
		return nil, d.sc.Skip()
	}
}

func (d *document) arrayValue() (any, error) {
	out := []any{}
	err := d.sc.Array(func(int) error {
		v, err := d.value()
		out = append(out, v)
		return err
	})
	return out, err
}

// objectValue decodes an object, or passes over one that holds a secret.
func (d *document) objectValue() (any, error) {
	out := map[string]any{}
	secret := false
	err := d.sc.Object(func(key []byte) error {
		if secret {
			return d.sc.Skip()
		}
		name := string(key)
		if err := d.spend(len(name)); err != nil {
			return err
		}
		v, err := d.value()
		if err != nil {
			return err
		}
		if name == signatureKey && !harmless(v) {
			secret = true
			clear(out)
			return nil
		}
		out[name] = v
		return nil
	})
	if secret {
		return Secret{}, err
	}
	return out, err
}

// harmless reports whether a signature stands for something other than a
// secret. One that is not known may well hold one.
func harmless(signature any) bool {
	return signature == assetSignature || signature == archiveSignature || signature == referenceSignature
}

// sensitive notes which of the wanted attributes a state marks sensitive: an
// array of paths, each of which begins with the attribute.
func (d *document) sensitive(r *Resource, names []string) error {
	if len(names) == 0 {
		return d.sc.Skip()
	}
	_, err := d.array("sensitive_attributes", func(int) error {
		whole := true
		_, err := d.array("sensitive_attributes", func(step int) error {
			whole = false
			if step > 0 {
				return d.sc.Skip()
			}
			name, err := d.pathStep()
			markSensitive(r, names, name)
			return err
		})
		if whole {
			// A path without steps stands for the whole object.
			r.Sensitive = slices.Clone(names)
		}
		return err
	})
	return err
}

func markSensitive(r *Resource, names []string, name string) {
	if slices.Contains(names, name) && !slices.Contains(r.Sensitive, name) {
		r.Sensitive = append(r.Sensitive, name)
	}
}

// pathStep reads {"type":"get_attr","value":NAME} and returns NAME.
func (d *document) pathStep() (string, error) {
	var name string
	_, err := d.object("sensitive_attributes", func(key []byte) error {
		kind, err := d.sc.Peek()
		if err != nil || string(fold(key)) != "value" || kind != jsonscan.String {
			if err == nil {
				err = d.sc.Skip()
			}
			return err
		}
		_, err = d.readString("sensitive_attributes", &name)
		return err
	})
	return name, err
}
