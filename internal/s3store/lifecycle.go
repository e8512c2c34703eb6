package s3store

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The IDs of groundwork's own lifecycle rules. One rule does one thing, so that each can be read
// back, compared and repaired by itself.
const (
	ruleNoncurrent    = OwnedPrefix + "noncurrent"
	ruleAbortUploads  = OwnedPrefix + "abort-uploads"
	ruleDeleteMarkers = OwnedPrefix + "delete-markers"
	ruleExpire        = OwnedPrefix + "expire-"
)

const s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// LifecycleDocument is a bucket's lifecycle configuration: groundwork's own rules as settings,
// foreign ones as the XML that came, because some services extend the schema.
type LifecycleDocument struct {
	Owned   Lifecycle
	Foreign []rawRule
	// drifted are own rules that were changed into something that groundwork never writes.
	drifted bool
}

type rawRule struct {
	ID    string
	Inner []byte
}

type xmlRule struct {
	XMLName    xml.Name       `xml:"Rule"`
	ID         string         `xml:"ID"`
	Status     string         `xml:"Status"`
	Filter     *xmlFilter     `xml:"Filter"`
	Prefix     *string        `xml:"Prefix"`
	Expiration *xmlExpiration `xml:"Expiration"`
	Noncurrent *xmlNoncurrent `xml:"NoncurrentVersionExpiration"`
	Abort      *xmlAbort      `xml:"AbortIncompleteMultipartUpload"`
}

type xmlFilter struct {
	Prefix string `xml:"Prefix"`
}

type xmlExpiration struct {
	Days         int32 `xml:"Days,omitempty"`
	DeleteMarker bool  `xml:"ExpiredObjectDeleteMarker,omitempty"`
}

type xmlNoncurrent struct {
	Days  int32 `xml:"NoncurrentDays"`
	Newer int32 `xml:"NewerNoncurrentVersions,omitempty"`
}

type xmlAbort struct {
	Days int32 `xml:"DaysAfterInitiation"`
}

type xmlLifecycle struct {
	XMLName xml.Name `xml:"LifecycleConfiguration"`
	Rules   []struct {
		ID    string `xml:"ID"`
		Inner []byte `xml:",innerxml"`
	} `xml:"Rule"`
}

// ParseLifecycle reads a lifecycle configuration as the service sent it.
func ParseLifecycle(body []byte) (LifecycleDocument, error) {
	var doc LifecycleDocument
	var raw xmlLifecycle
	if err := xml.Unmarshal(body, &raw); err != nil {
		return doc, fmt.Errorf("the lifecycle configuration is no XML that S3 defines: %w", err)
	}
	for _, r := range raw.Rules {
		if !Owned(r.ID) {
			doc.Foreign = append(doc.Foreign, rawRule{ID: r.ID, Inner: r.Inner})
			continue
		}
		var rule xmlRule
		if err := xml.Unmarshal(append(append([]byte("<Rule>"), r.Inner...), "</Rule>"...), &rule); err != nil {
			return doc, fmt.Errorf("lifecycle rule %q cannot be read: %w", r.ID, err)
		}
		doc.addOwned(rule)
	}
	return doc, nil
}

func (d *LifecycleDocument) addOwned(r xmlRule) {
	if r.Status != "Enabled" {
		d.drifted = true
		return
	}
	prefix := ""
	switch {
	case r.Filter != nil:
		prefix = r.Filter.Prefix
	case r.Prefix != nil:
		prefix = *r.Prefix
	}
	switch {
	case strings.HasPrefix(r.ID, ruleExpire) && r.Expiration != nil && r.Expiration.Days > 0:
		if d.Owned.Expirations == nil {
			d.Owned.Expirations = map[string]int32{}
		}
		d.Owned.Expirations[prefix] = r.Expiration.Days
	case prefix != "":
		d.drifted = true // the rules for the whole bucket carry no prefix
	case r.ID == ruleNoncurrent && r.Noncurrent != nil:
		d.Owned.NoncurrentExpirationDays = &r.Noncurrent.Days
		d.Owned.NoncurrentVersionsToKeep = &r.Noncurrent.Newer
	case r.ID == ruleAbortUploads && r.Abort != nil:
		d.Owned.AbortIncompleteUploadsDays = &r.Abort.Days
	case r.ID == ruleDeleteMarkers && r.Expiration != nil && r.Expiration.DeleteMarker:
		d.Owned.ExpireDeleteMarkers = &r.Expiration.DeleteMarker
	default:
		d.drifted = true
	}
}

// merge lays wanted over what groundwork's rules already do; nil fields stay.
func (l Lifecycle) merge(wanted *Lifecycle) Lifecycle {
	pick32 := func(have, want *int32) *int32 {
		if want != nil {
			return want
		}
		return have
	}
	out := Lifecycle{
		NoncurrentExpirationDays:   pick32(l.NoncurrentExpirationDays, wanted.NoncurrentExpirationDays),
		NoncurrentVersionsToKeep:   pick32(l.NoncurrentVersionsToKeep, wanted.NoncurrentVersionsToKeep),
		AbortIncompleteUploadsDays: pick32(l.AbortIncompleteUploadsDays, wanted.AbortIncompleteUploadsDays),
		ExpireDeleteMarkers:        l.ExpireDeleteMarkers,
		Expirations:                l.Expirations,
	}
	if wanted.ExpireDeleteMarkers != nil {
		out.ExpireDeleteMarkers = wanted.ExpireDeleteMarkers
	}
	if wanted.Expirations != nil {
		out.Expirations = wanted.Expirations
	}
	return out
}

// Equal compares what two settings do: nil and zero do the same, namely nothing.
func (l Lifecycle) Equal(o Lifecycle) bool {
	return deref(l.NoncurrentExpirationDays) == deref(o.NoncurrentExpirationDays) &&
		deref(l.NoncurrentVersionsToKeep) == deref(o.NoncurrentVersionsToKeep) &&
		deref(l.AbortIncompleteUploadsDays) == deref(o.AbortIncompleteUploadsDays) &&
		deref(l.ExpireDeleteMarkers) == deref(o.ExpireDeleteMarkers) &&
		maps.Equal(l.Expirations, o.Expirations)
}

// CheckLifecycle refuses rules that would delete live state.
func CheckLifecycle(l Lifecycle) error {
	if deref(l.NoncurrentVersionsToKeep) > 0 && deref(l.NoncurrentExpirationDays) == 0 {
		return fmt.Errorf("noncurrent_versions_to_keep = %d needs noncurrent_expiration_days: it says which versions survive that expiry", *l.NoncurrentVersionsToKeep)
	}
	for _, prefix := range slices.Sorted(maps.Keys(l.Expirations)) {
		if err := CheckExpirationPrefix(prefix); err != nil {
			return err
		}
		if l.Expirations[prefix] < 1 {
			return fmt.Errorf("the expiration of %q has to be at least 1 day", prefix)
		}
	}
	return nil
}

// CheckExpirationPrefix refuses a prefix under which the tools keep live state.
func CheckExpirationPrefix(prefix string) error {
	const stacks, meta = ".pulumi/stacks/", ".pulumi/meta.yaml"
	switch {
	case prefix == "":
		return fmt.Errorf("an expiration without a prefix would delete every state in the bucket")
	case strings.HasPrefix(stacks, prefix), strings.HasPrefix(prefix, stacks), strings.HasPrefix(meta, prefix):
		return fmt.Errorf("an expiration of %q would delete live Pulumi stacks, which are kept under %s", prefix, stacks)
	case strings.HasSuffix(prefix, ".tfstate"):
		return fmt.Errorf("an expiration of %q would delete a live Terraform state", prefix)
	case strings.HasPrefix("env:/", prefix), strings.HasPrefix(prefix, "env:/"):
		return fmt.Errorf("an expiration of %q would delete the live states of Terraform workspaces, which are kept under env:/", prefix)
	}
	return nil
}

// rules renders groundwork's own rules.
func (l Lifecycle) rules() []xmlRule {
	var out []xmlRule
	add := func(r xmlRule) {
		r.Status = "Enabled"
		if r.Filter == nil {
			r.Filter = &xmlFilter{}
		}
		out = append(out, r)
	}
	if d := deref(l.NoncurrentExpirationDays); d > 0 {
		add(xmlRule{ID: ruleNoncurrent, Noncurrent: &xmlNoncurrent{Days: d, Newer: deref(l.NoncurrentVersionsToKeep)}})
	}
	if d := deref(l.AbortIncompleteUploadsDays); d > 0 {
		add(xmlRule{ID: ruleAbortUploads, Abort: &xmlAbort{Days: d}})
	}
	if deref(l.ExpireDeleteMarkers) {
		add(xmlRule{ID: ruleDeleteMarkers, Expiration: &xmlExpiration{DeleteMarker: true}})
	}
	for _, prefix := range slices.Sorted(maps.Keys(l.Expirations)) {
		add(xmlRule{
			ID: expireID(prefix), Filter: &xmlFilter{Prefix: prefix},
			Expiration: &xmlExpiration{Days: l.Expirations[prefix]},
		})
	}
	return out
}

// expireID keeps a readable form of the prefix in the rule's ID, within the 255 characters that
// services allow.
func expireID(prefix string) string {
	id := ruleExpire + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, prefix)
	id += "-" + shortHash(prefix)
	if len(id) > 200 {
		id = ruleExpire + shortHash(prefix)
	}
	return id
}

// renderLifecycle writes the whole document: foreign rules first, byte for byte.
func renderLifecycle(foreign []rawRule, owned []xmlRule) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`<LifecycleConfiguration xmlns="` + s3Namespace + `">`)
	for _, r := range foreign {
		b.WriteString("<Rule>")
		b.Write(r.Inner)
		b.WriteString("</Rule>")
	}
	enc := xml.NewEncoder(&b)
	for _, r := range owned {
		if err := enc.Encode(r); err != nil {
			return nil, fmt.Errorf("writing lifecycle rule %q: %w", r.ID, err)
		}
	}
	b.WriteString(`</LifecycleConfiguration>`)
	return b.Bytes(), nil
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
