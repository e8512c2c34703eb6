package toollock

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

func protected(locks []Lock) (names []string) {
	for _, l := range locks {
		names = append(names, l.Protects)
	}
	slices.Sort(names)
	return names
}

// The locks of every workspace of one backend are shown, and those of no other backend beside it.
func TestLocksOfWorkspaces(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"env:", "team/states"} {
		client, name := bucket(t, false, "")
		locks, table := dynamoTable(t)
		states := S3States{Bucket: name, Key: "infra/terraform.tfstate", Prefix: prefix}
		mine := []string{"infra/terraform.tfstate", prefix + "/blue/infra/terraform.tfstate", prefix + "/green/infra/terraform.tfstate"}
		others := []string{prefix + "/blue/coder/infra/terraform.tfstate", prefix + "/blue/coder/terraform.tfstate", "elsewhere/blue/infra/terraform.tfstate"}
		var want []string
		for i, key := range slices.Concat(mine, others) {
			must(t, client.PutSmall(t.Context(), name, key, []byte("{}")))
			for _, place := range []Place{NewLockfile(client, name, key), NewDynamoDB(locks, table, name, key)} {
				_, err := place.Acquire(t.Context(), info("apply"))
				must(t, err)
			}
			if i < len(mine) {
				want = append(want, s3URL(name, key))
			}
		}
		slices.Sort(want)
		files, err := states.Lockfiles(t.Context(), client)
		must(t, err)
		if got := protected(files); !slices.Equal(got, want) {
			t.Errorf("lock files: %v, want %v", got, want)
		}
		items, err := states.DynamoDB(t.Context(), locks, table, client)
		must(t, err)
		if got := protected(items); !slices.Equal(got, want) {
			t.Errorf("items: %v, want %v", got, want)
		}
		// A role that may not scan the table.
		narrow, proxy := dynamoProxy(t)
		proxy.AddRule(s3proxy.Rule{
			Match:  s3proxy.Match{Func: func(r s3proxy.Request) bool { return r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.Scan" }},
			Action: s3proxy.RespondWith(400, `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"not authorized to perform dynamodb:Scan"}`, nil),
		})
		items, err = states.DynamoDB(t.Context(), narrow, table, client)
		must(t, err)
		if got := protected(items); !slices.Equal(got, want) {
			t.Errorf("items without a scan: %v, want %v", got, want)
		}
		if len(proxy.Faulted()) == 0 {
			t.Error("the scan was not refused")
		}
	}

	dir := t.TempDir()
	var want []string
	for _, name := range []string{"terraform.tfstate", "terraform.tfstate.d/blue/terraform.tfstate"} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(file), 0o700))
		grant, err := NewLocal(file).Acquire(t.Context(), info("apply"))
		must(t, err)
		t.Cleanup(func() { must(t, grant.Release(t.Context())) })
		want = append(want, file)
	}
	local, err := LocalLocks(t.Context(), filepath.Join(dir, "terraform.tfstate"), filepath.Join(dir, "terraform.tfstate.d"))
	must(t, err)
	if got := protected(local); !slices.Equal(got, want) {
		t.Errorf("local locks: %v, want %v", got, want)
	}
}
