package s3proxy

import (
	"net/http"
	"strings"
)

// Rule breaks requests. Of the rules that apply to a request, every one that changes it is applied,
// and the first one that answers it or cuts it does so.
type Rule struct {
	Match Match
	// When says which of the matching requests the rule applies to; the zero value means every one.
	When   When
	Action Action
}

// Match selects requests; a field that is empty selects all.
type Match struct {
	Operation, Method, Bucket string
	KeyPrefix, KeySuffix      string
	// Header is the name of a header that must be present.
	Header string
	// Func has the last word. The record is that of a request that has just arrived.
	Func func(Request) bool
}

func (m Match) matches(r Request, header http.Header) bool {
	switch {
	case m.Operation != "" && m.Operation != r.Operation,
		m.Method != "" && m.Method != r.Method,
		m.Bucket != "" && m.Bucket != r.Bucket,
		!strings.HasPrefix(r.Key, m.KeyPrefix),
		!strings.HasSuffix(r.Key, m.KeySuffix),
		m.Header != "" && len(header.Values(m.Header)) == 0:
		return false
	}
	return m.Func == nil || m.Func(r)
}

// When says which occurrences of a match a rule applies to, counted since the rule was added or the
// last Reset. The zero value is every occurrence.
type When struct {
	first, last int
}

// Nth is the n-th occurrence only, counted from 1.
func Nth(n int) When { return When{first: n, last: n} }

// From is the n-th occurrence and all after it.
func From(n int) When { return When{first: n} }

// FirstN is the first n occurrences.
func FirstN(n int) When { return When{first: 1, last: n} }

func (w When) includes(n int) bool {
	return n >= w.first && (w.last == 0 || n <= w.last)
}

// standing is a rule with its count.
type standing struct {
	rule  Rule
	seq   int // of the one request it applies to; 0 for a rule that matches
	count int
}

// applies counts an occurrence and says whether the rule applies to it. The caller holds the lock.
func (s *standing) applies(seq int) bool {
	if s.seq != 0 {
		return s.seq == seq
	}
	s.count++
	return s.rule.When.includes(s.count)
}
