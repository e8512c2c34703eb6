package provider

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
)

// ignoreAbsent forgives that what should go is gone.
func ignoreAbsent(err error) error {
	if errors.Is(err, pglock.ErrNotFound) {
		return nil
	}
	return err
}

func serverName(t pglock.Target) string { return net.JoinHostPort(t.Host, t.Port) }

// elsewhere reports that something was made on another server than the one that was asked.
func elsewhere(c *pglock.Client, was types.String, failed string, diags *diag.Diagnostics) bool {
	now := serverName(c.Target(""))
	if was.ValueString() == "" || was.ValueString() == now {
		return false
	}
	diags.AddError(failed, fmt.Sprintf("It was made on the server %s, and the provider is configured for %s, which does not have it.\n\n"+
		"Point the provider at %s. If it is gone for good, remove the resource from the state (terraform state rm).", was.ValueString(), now, was.ValueString()))
	return true
}

// postgresName refuses names that PostgreSQL would change.
type postgresName struct{ what string }

// Description implements validator.String.
func (v postgresName) Description(context.Context) string {
	return "a name that PostgreSQL takes as it is, up to 63 bytes"
}

// MarkdownDescription implements validator.String.
func (v postgresName) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v postgresName) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	check := pglock.CheckName
	if v.what == "role" {
		check = func(_, name string) error { return pglock.CheckRole(name) }
	}
	if err := check(v.what, req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Name", sentence(err.Error()))
	}
}
