package s3store

import (
	"encoding/xml"
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

type xmlRule struct {
	XMLName    xml.Name       `xml:"Rule"`
	ID         string         `xml:"ID"`
	Status     string         `xml:"Status"`
	Filter     *xmlFilter     `xml:"Filter"`
	Prefix     *string        `xml:"Prefix"`
	Expiration *xmlExpiration `xml:"Expiration"`
	Noncurrent *xmlNoncurrent `xml:"NoncurrentVersionExpiration"`
	Abort      *xmlAbort      `xml:"AbortIncompleteMultipartUpload"`
	// The rest groundwork never writes: it shows that somebody else changed the rule.
	Transitions           []xmlAny `xml:"Transition"`
	NoncurrentTransitions []xmlAny `xml:"NoncurrentVersionTransition"`
}

type xmlFilter struct {
	Prefix string   `xml:"Prefix"`
	Others []xmlAny `xml:",any"`
}

type xmlExpiration struct {
	Days         int32  `xml:"Days,omitempty"`
	DeleteMarker bool   `xml:"ExpiredObjectDeleteMarker,omitempty"`
	Date         string `xml:"Date,omitempty"`
}

type xmlNoncurrent struct {
	Days  int32 `xml:"NoncurrentDays"`
	Newer int32 `xml:"NewerNoncurrentVersions,omitempty"`
}

type xmlAbort struct {
	Days int32 `xml:"DaysAfterInitiation"`
}

type xmlAny struct {
	XMLName xml.Name
}

// single tells that a rule does one thing to whatever its prefix covers.
func (r *xmlRule) single() bool {
	if e := r.Expiration; e != nil && *e == (xmlExpiration{}) {
		r.Expiration = nil // some services write out what is not set
	}
	actions := len(r.Transitions) + len(r.NoncurrentTransitions)
	for _, set := range []bool{r.Expiration != nil, r.Noncurrent != nil, r.Abort != nil} {
		if set {
			actions++
		}
	}
	return actions == 1 && (r.Filter == nil || len(r.Filter.Others) == 0)
}

func (r *xmlRule) prefix() string {
	if r.Filter != nil {
		return r.Filter.Prefix
	}
	return deref(r.Prefix)
}

func (d *LifecycleDocument) addOwned(r xmlRule) {
	if r.Status != "Enabled" || !r.single() {
		d.drifted = true
		return
	}
	prefix, e := r.prefix(), deref(r.Expiration)
	switch {
	case strings.HasPrefix(r.ID, ruleExpire) && e.Days > 0 && !e.DeleteMarker && prefix != "":
		if d.Owned.Expirations == nil {
			d.Owned.Expirations = map[string]int32{}
		}
		d.Owned.Expirations[prefix] = e.Days
	case prefix != "":
		d.drifted = true // the rules for the whole bucket carry no prefix
	case r.ID == ruleNoncurrent && r.Noncurrent != nil:
		d.Owned.NoncurrentExpirationDays = &r.Noncurrent.Days
		d.Owned.NoncurrentVersionsToKeep = &r.Noncurrent.Newer
	case r.ID == ruleAbortUploads && r.Abort != nil:
		d.Owned.AbortIncompleteUploadsDays = &r.Abort.Days
	case r.ID == ruleDeleteMarkers && e.DeleteMarker && e.Days == 0:
		d.Owned.ExpireDeleteMarkers = &e.DeleteMarker
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

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
