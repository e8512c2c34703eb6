package tests

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/pulumicli"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// numbered is a bucket for which the service goes down at the n-th call.
type numbered struct {
	n            int
	name, bucket string
}

// manyAtOnce writes a program with a bucket for each call. Each may fail without the others, so that
// one run of the engine tries as many turns.
func (s *stage) manyAtOnce(calls []int) []numbered {
	s.t.Helper()
	var program strings.Builder
	program.WriteString("name: faults" + inYAML)
	all := make([]numbered, len(calls))
	for i, n := range calls {
		all[i] = numbered{n: n, name: fmt.Sprintf("at%03d", n), bucket: fmt.Sprintf("%s-%03d", s.bucket, n)}
		program.WriteString(strings.NewReplacer("states:", all[i].name+":", "BUCKET", all[i].bucket).Replace(aBucket))
	}
	s.write("Pulumi.yaml", program.String())
	return all
}

// each picks every call, and turningPoints, of the writers of the probe, that race each other to the
// same few objects, only some: the first and the last of a row of the same calls, and every eighth.
func each(operations []string) []int {
	calls := make([]int, len(operations))
	for i := range calls {
		calls[i] = i + 1
	}
	return calls
}

func turningPoints(operations []string) []int {
	return slices.DeleteFunc(each(operations), func(n int) bool {
		within := n > 1 && n < len(operations) && operations[n-2] == operations[n-1] && operations[n] == operations[n-1]
		return within && n%8 != 0
	})
}

// The service goes down at each call of a create in turn: it answers nothing any more, or it does what
// it is told once more and cannot say so. The bridge keeps nothing of a create that failed, so the next
// up begins anew. It has to finish what is there, and to leave nothing behind.
func TestCreateFailsAtEachCall(t *testing.T) {
	t.Parallel()
	down := s3proxy.Respond(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.", nil)
	for name, way := range map[string]struct {
		first s3proxy.Action
		at    func([]string) []int
	}{
		"refused": {down, each}, "done unheard": {s3proxy.CutAfter(), turningPoints},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy := proxied(t)
			s.up()
			calls := way.at(proxy.Operations())
			t.Logf("%d of %d calls", len(calls), len(proxy.Operations()))
			s.destroy()

			all := s.manyAtOnce(calls)
			for _, b := range all {
				proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Bucket: b.bucket}, When: s3proxy.Nth(b.n), Action: way.first})
				proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Bucket: b.bucket}, When: s3proxy.From(b.n + 1), Action: down})
			}
			proxy.Reset()
			report, err := s.cli.Up(t.Context(), stack, "--continue-on-error", "--parallel", "24")
			_ = s.refused(report, err)
			s.eachFailed(all, report, proxy)
			proxy.ClearRules()

			s.up("--parallel", "24")
			s.unchanged("after the second try", s.preview("--refresh"))
			for _, b := range all {
				s.holdsNothing(b)
			}
			s.destroy()
			for _, b := range all {
				if _, err := s.server.Client().HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &b.bucket}); err == nil {
					t.Errorf("bucket %d is still there", b.n)
				}
			}
		})
	}
}

// eachFailed checks that each bucket that met the outage says so, and that each other one is made.
func (s *stage) eachFailed(all []numbered, report pulumicli.Report, proxy *s3proxy.Proxy) {
	s.t.Helper()
	met := map[string]string{}
	for _, r := range proxy.Faulted() {
		if met[r.Bucket] == "" {
			met[r.Bucket] = r.Operation
		}
	}
	kinds := map[string]int{}
	for _, b := range all {
		said := ""
		for _, d := range report.Diagnostics {
			if strings.HasPrefix(d, "error: ") && strings.Contains(d, b.bucket) {
				said = d
			}
		}
		_, made := report.Step(b.name)
		switch operation := met[b.bucket]; {
		case operation != "" && (made || said == ""):
			s.t.Errorf("down from call %d, %s: made %v, said %q", b.n, operation, made, said)
		case operation == "" && !made:
			s.t.Errorf("undisturbed, with %d calls: not made, and said %q", b.n, said)
		}
		kinds[met[b.bucket]]++
	}
	// Writers of the probe that lose a race make some creates longer than others.
	if kinds[""] > len(all)/10 {
		s.t.Errorf("%d of %d creates were not disturbed", kinds[""], len(all))
	}
	s.t.Logf("the first call that failed, and how often: %v", kinds)
}

// holdsNothing: what the second run has finished holds nothing, not even what the probe of the first
// one could not clean up.
func (s *stage) holdsNothing(b numbered) {
	s.t.Helper()
	objects, err := s.server.Client().ListObjectVersions(s.t.Context(), &s3.ListObjectVersionsInput{Bucket: &b.bucket})
	s.must(err)
	if n := len(objects.Versions) + len(objects.DeleteMarkers); n > 0 {
		s.t.Errorf("after a failure at call %d: %d versions and %d delete markers are left", b.n, len(objects.Versions), len(objects.DeleteMarkers))
	}
}
