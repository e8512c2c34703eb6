package provider

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const backendFileType = "groundwork_backend_config_file"

func backendAttrs(path, key string) attrs {
	return attrs{"path": path, "root": filepath.Dir(path), "service": "scaleway", "s3": attrs{"bucket": "acme-states", "key": key}}
}

// applied skips the refresh, and of a destroy the plan as well, which is what Pulumi does.
func (p *protoProvider) applied(t *testing.T, prior tftypes.Value, set attrs) (tftypes.Value, string) {
	t.Helper()
	typ := p.typeOf(t, backendFileType)
	req := &tfprotov6.ApplyResourceChangeRequest{TypeName: backendFileType, PriorState: p.dynamic(t, typ, prior)}
	null := p.dynamic(t, typ, p.null(t, backendFileType))
	req.PlannedState, req.Config = null, null
	if set != nil {
		plan, failed := p.plan(t.Context(), t, backendFileType, prior, set)
		if failed != "" {
			return prior, failed
		}
		req.PlannedState, req.PlannedPrivate, req.Config = plan.PlannedState, plan.PlannedPrivate, p.dynamic(t, typ, p.object(t, typ, set))
	}
	resp, err := p.srv.ApplyResourceChange(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return p.decode(t, typ, resp.NewState), errorsIn(resp.Diagnostics)
}

// TestBackendConfigFileInterrupted: a run that ended after the write and before its state was saved
// is repeated, and goes through, under the strictest if_exists.
func TestBackendConfigFileInterrupted(t *testing.T) {
	p := newProtoProvider(t.Context(), t, nil, nil)
	path := filepath.Join(t.TempDir(), "backend.tf")
	none := p.null(t, backendFileType)
	for _, key := range []string{"a", "a"} {
		if _, failed := p.applied(t, none, backendAttrs(path, key)); failed != "" {
			t.Fatal(failed)
		}
	}
	state, _ := p.applied(t, none, backendAttrs(path, "a"))
	for range 2 { // an update as well, from the same old state
		if _, failed := p.applied(t, state, backendAttrs(path, "b")); failed != "" {
			t.Fatal(failed)
		}
	}
	state, failed := p.apply(t.Context(), t, backendFileType, state, backendAttrs(path, "b"))
	if failed != "" {
		t.Fatal(failed)
	}
	p.settled(t.Context(), t, backendFileType, state, backendAttrs(path, "b"))
	for range 2 {
		if _, failed := p.applied(t, state, nil); failed != "" {
			t.Fatal(failed)
		}
	}
	if _, failed := p.applied(t, none, backendAttrs(path, "b")); failed != "" {
		t.Error(failed)
	}
}

// TestBackendConfigFileWithoutRefresh: what somebody changed is neither overwritten nor deleted by
// a run that has not looked.
func TestBackendConfigFileWithoutRefresh(t *testing.T) {
	p := newProtoProvider(t.Context(), t, nil, nil)
	path := filepath.Join(t.TempDir(), "backend.tf")
	state, failed := p.applied(t, p.null(t, backendFileType), backendAttrs(path, "a"))
	if failed != "" {
		t.Fatal(failed)
	}
	changed := backendText("a") + "locals {}\n"
	writeFile(t, path, changed)
	if _, failed = p.plan(t.Context(), t, backendFileType, state, backendAttrs(path, "a")); failed != "" {
		t.Errorf("nothing is to be done, and the plan fails: %s", failed)
	}
	if _, failed = p.applied(t, state, backendAttrs(path, "b")); !strings.Contains(failed, "refresh, look at the new plan") {
		t.Errorf("update: %q", failed)
	}
	if _, failed = p.applied(t, state, nil); !strings.Contains(failed, "so it was not deleted") {
		t.Errorf("delete: %q", failed)
	}
	if got := fileContent(t, path); got != changed {
		t.Errorf("the file became\n%s", got)
	}
	state, failed = p.refresh(t.Context(), t, backendFileType, state)
	if failed != "" || field(t, state, "content") != changed {
		t.Fatalf("refresh: %s", failed)
	}
	if _, failed = p.applied(t, state, nil); !strings.Contains(failed, "so it was not deleted") {
		t.Errorf("delete after a refresh: %q", failed)
	}
	if _, failed = p.applied(t, state, backendAttrs(path, "b")); failed != "" {
		t.Error(failed)
	}
}

func TestBackendConfigFileImportByIdentity(t *testing.T) {
	p := newProtoProvider(t.Context(), t, nil, nil)
	path := filepath.Join(t.TempDir(), "backend.tf")
	writeFile(t, path, backendText("a"))
	identity := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"path": tftypes.String}}
	resp, err := p.srv.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: backendFileType,
		Identity: &tfprotov6.ResourceIdentityData{IdentityData: p.dynamic(t, identity, tftypes.NewValue(identity, map[string]tftypes.Value{
			"path": tftypes.NewValue(tftypes.String, path),
		}))},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.fatal(t, resp.Diagnostics)
	if len(resp.ImportedResources) != 1 || resp.ImportedResources[0].Identity == nil {
		t.Fatalf("imported %+v", resp.ImportedResources)
	}
	state := p.decode(t, p.typeOf(t, backendFileType), resp.ImportedResources[0].State)
	if field(t, state, "id") != path || field(t, state, "content") != backendText("a") {
		t.Errorf("imported %s", state)
	}
}
