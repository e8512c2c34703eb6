package guard

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/statefile"
)

func state(key string, change ...func(*State)) State {
	s := State{Key: key, Summary: &statefile.Summary{Kind: statefile.Terraform, ManagedInstances: 2}}
	for _, f := range change {
		f(&s)
	}
	return s
}

// The order of the refusals is that of the harm.
func TestRefuse(t *testing.T) {
	t.Parallel()
	dead := func(s *State) { s.Summary.ManagedInstances = 0 }
	self := func(s *State) { s.ManagesBucket = true }
	moved := func(s *State) { s.Superseded = true }
	broken := func(s *State) { s.Summary, s.Err = nil, errors.New("damaged") }
	pending := func(s *State) { s.Summary.ManagedInstances, s.Summary.PendingOperations = 1, 2 }
	encrypted := func(s *State) { s.Summary = &statefile.Summary{Kind: statefile.Encrypted} }
	states := func(list ...State) *Report {
		return &Report{Bucket: "b", States: list, Objects: max(len(list), 1), Example: "x"}
	}
	const (
		fine     = "fine"
		selfKept = "self"
		alive    = "live"
		contents = "contents"
	)
	tests := map[string]struct {
		report *Report
		// with nothing, force_destroy, a backup, and both.
		want [4]string
		says []string
	}{
		"an empty bucket":            {&Report{Bucket: "b"}, [4]string{fine, fine, fine, fine}, nil},
		"contents":                   {states(), [4]string{contents, fine, contents, fine}, []string{"1 object,", `"x" among them`}},
		"superseded versions":        {&Report{Bucket: "b", Versions: 3}, [4]string{contents, fine, contents, fine}, []string{"3 superseded versions"}},
		"delete markers":             {&Report{Bucket: "b", Markers: 2}, [4]string{contents, fine, contents, fine}, []string{"2 delete markers"}},
		"locks":                      {&Report{Bucket: "b", Objects: 1, Locks: []string{"l.tflock"}}, [4]string{contents, fine, contents, fine}, []string{"1 lock object,", "l.tflock"}},
		"a state of nothing":         {states(state("a", dead)), [4]string{contents, fine, contents, fine}, nil},
		"a live state":               {states(state("a")), [4]string{alive, alive, alive, fine}, []string{"a (2 resources)"}},
		"one of a single resource":   {states(state("a", pending)), [4]string{alive, alive, alive, fine}, []string{"a (1 resource, 2 pending operations)"}},
		"an unreadable one":          {states(state("a", broken)), [4]string{alive, alive, alive, fine}, []string{"a (cannot be read: damaged)"}},
		"an encrypted one":           {states(state("a", encrypted)), [4]string{alive, alive, alive, fine}, []string{"encrypted by OpenTofu"}},
		"live and dead":              {states(state("a", dead), state("b")), [4]string{alive, alive, alive, fine}, []string{"b (2 resources)"}},
		"one that was moved":         {states(state("a", moved)), [4]string{contents, fine, contents, fine}, nil},
		"its own":                    {states(state("a"), state("b", self)), [4]string{selfKept, selfKept, selfKept, selfKept}, []string{`"b"`, "kept in that bucket itself"}},
		"its own, of nothing else":   {states(state("b", self, dead)), [4]string{selfKept, selfKept, selfKept, selfKept}, nil},
		"its own, moved":             {states(state("b", self, moved)), [4]string{contents, fine, contents, fine}, nil},
		"its own, moved, and a live": {states(state("a"), state("b", self, moved)), [4]string{alive, alive, alive, fine}, []string{"a (2 resources)"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, want := range tc.want {
				p := Permission{ForceDestroy: i == 1 || i == 3, FinalBackup: i >= 2}
				err := Refuse(tc.report, p)
				var self *SelfManagedError
				var live *LiveStateError
				var full *ContentsError
				got := fine
				switch {
				case errors.As(err, &self):
					got = selfKept
				case errors.As(err, &live):
					got = alive
					if live.Forced != p.ForceDestroy || len(live.States) != len(tc.report.Live()) {
						t.Errorf("%+v: unexpected %+v", p, live)
					}
				case errors.As(err, &full):
					got = contents
				case err != nil:
					got = err.Error()
				}
				if got != want {
					t.Errorf("%+v: %s, want %s: %v", p, got, want, err)
				}
				if i > 0 || err == nil {
					continue
				}
				for _, part := range append(tc.says, `"b"`) {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%v does not say %s", err, part)
					}
				}
			}
		})
	}
}

// A message stays readable, however many states there are.
func TestLiveStateErrorIsBounded(t *testing.T) {
	t.Parallel()
	r := &Report{Bucket: "b", Objects: 1}
	for i := range 25 {
		r.States = append(r.States, state(fmt.Sprintf("s%02d", i)))
	}
	text := Refuse(r, Permission{}).Error()
	if strings.Count(text, "\n") != maxNamed+1 || !strings.Contains(text, "and 15 more") || !strings.Contains(text, "s09") || strings.Contains(text, "s10") {
		t.Errorf("unexpected\n%s", text)
	}
}
