package s3store

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const (
	lifecycleRoot = "LifecycleConfiguration"
	s3Namespace   = "http://s3.amazonaws.com/doc/2006-03-01/"
)

// LifecycleDocument is a bucket's lifecycle configuration: groundwork's own rules as settings, and
// everything else as the XML that came, because some services extend the schema.
type LifecycleDocument struct {
	// Owned is what groundwork's own rules do.
	Owned Lifecycle

	foreign []rawElement
	// root is the root element's start tag as it came, empty without a document.
	root []byte
	// drifted are own rules that were changed into something that groundwork never writes.
	drifted bool
	// transitionMinimum stands in a header beside the document; a PUT without it resets it.
	transitionMinimum types.TransitionDefaultMinimumObjectSize
}

// rawElement is a child of the root, tags included.
type rawElement struct {
	ID   string
	Rule bool
	Raw  []byte
}

// ForeignRules counts the rules that are not groundwork's.
func (d *LifecycleDocument) ForeignRules() int {
	n := 0
	for _, e := range d.foreign {
		if e.Rule {
			n++
		}
	}
	return n
}

// ParseLifecycle reads a lifecycle configuration as the service sent it.
func ParseLifecycle(body []byte) (LifecycleDocument, error) {
	var doc LifecycleDocument
	if len(bytes.TrimSpace(body)) == 0 {
		return doc, nil
	}
	closed := false
	dec := xml.NewDecoder(bytes.NewReader(body))
	for {
		start := dec.InputOffset()
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && closed {
			return doc, nil
		}
		if err != nil {
			return LifecycleDocument{}, fmt.Errorf("the lifecycle configuration is no XML that S3 defines: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := doc.element(dec, t, body, start, closed); err != nil {
				return LifecycleDocument{}, err
			}
		case xml.EndElement:
			closed = true
		}
	}
}

// element takes the root's start tag, or one child of the root to its end.
func (d *LifecycleDocument) element(dec *xml.Decoder, t xml.StartElement, body []byte, start int64, closed bool) error {
	if closed || (d.root == nil && t.Name.Local != lifecycleRoot) {
		return fmt.Errorf("the lifecycle configuration is no XML that S3 defines: it has a %s at its root", t.Name.Local)
	}
	if d.root == nil {
		d.root = bytes.Clone(body[start:dec.InputOffset()])
		return nil
	}
	if err := dec.Skip(); err != nil {
		return fmt.Errorf("the lifecycle configuration is no XML that S3 defines: %w", err)
	}
	raw := bytes.Clone(body[start:dec.InputOffset()])
	if t.Name.Local != "Rule" {
		d.foreign = append(d.foreign, rawElement{Raw: raw})
		return nil
	}
	var head struct {
		ID string `xml:"ID"`
	}
	if err := xml.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("a lifecycle rule cannot be read: %w", err)
	}
	if !Owned(head.ID) {
		d.foreign = append(d.foreign, rawElement{ID: head.ID, Rule: true, Raw: raw})
		return nil
	}
	var rule xmlRule
	if err := xml.Unmarshal(raw, &rule); err != nil {
		return fmt.Errorf("lifecycle rule %q cannot be read: %w", head.ID, err)
	}
	d.addOwned(rule)
	return nil
}

// render writes the whole document with other own rules: what is foreign first, byte for byte.
func (d *LifecycleDocument) render(owned []xmlRule) ([]byte, error) {
	var b bytes.Buffer
	start, end := d.tags()
	b.WriteString(start)
	for _, e := range d.foreign {
		b.Write(e.Raw)
	}
	enc := xml.NewEncoder(&b)
	for _, r := range owned {
		if err := enc.Encode(r); err != nil {
			return nil, fmt.Errorf("writing lifecycle rule %q: %w", r.ID, err)
		}
	}
	b.WriteString(end)
	return b.Bytes(), nil
}

// tags returns the root's tags. Those that came are kept: they may declare what is used inside.
func (d *LifecycleDocument) tags() (start, end string) {
	if len(d.root) == 0 {
		return "<" + lifecycleRoot + ` xmlns="` + s3Namespace + `">`, "</" + lifecycleRoot + ">"
	}
	open, _ := bytes.CutSuffix(bytes.TrimSuffix(d.root, []byte(">")), []byte("/"))
	name := open[1:]
	if i := bytes.IndexAny(name, " \t\r\n"); i >= 0 {
		name = name[:i]
	}
	return string(open) + ">", "</" + string(name) + ">"
}
