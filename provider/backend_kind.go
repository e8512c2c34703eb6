package provider

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// backendKind is the attribute that says where states are.
type backendKind string

const (
	kindS3     backendKind = "s3"
	kindPG     backendKind = "pg"
	kindHTTP   backendKind = "http"
	kindPulumi backendKind = "pulumi"
)

const placesHint = "Write exactly one of s3, for a bucket, pg, for PostgreSQL, http, for a REST address, and pulumi, for the states of Pulumi"

// places are the attributes of which there has to be one.
func (in *backendInputs) places() []struct {
	kind  backendKind
	value types.Object
} {
	return []struct {
		kind  backendKind
		value types.Object
	}{{kindPG, in.PG}, {kindHTTP, in.HTTP}, {kindPulumi, in.Pulumi}, {kindS3, in.S3}}
}

// kind is where states are. What is unknown may turn out to be null, so that what is written down
// counts for more.
func (in *backendInputs) kind() backendKind {
	unknown := kindS3
	for _, p := range in.places() {
		switch {
		case isWritten(p.value):
			return p.kind
		case p.value.IsUnknown():
			unknown = p.kind
		}
	}
	return unknown
}

// checkType says whether there is exactly one place, and nothing that is about another one. What is
// unknown passes: this is asked again when it is known.
func (in *backendInputs) checkType(diags *diag.Diagnostics) {
	const summary = "Invalid Attribute Combination"
	var written []backendKind
	for _, p := range in.places() {
		if p.value.IsUnknown() {
			return
		}
		if !p.value.IsNull() {
			written = append(written, p.kind)
		}
	}
	switch {
	case len(written) == 0:
		diags.AddError(summary, "Nothing says where the state is. "+placesHint+"; pg = {} is enough there.")
		return
	case len(written) > 1:
		diags.AddAttributeError(path.Root(string(written[0])), summary, "A state is in one place. "+placesHint+".")
		return
	}
	kind := written[0]
	if kind == kindS3 {
		return
	}
	refuse := func(attribute, format string, a ...any) {
		diags.AddAttributeError(path.Root(attribute), summary, fmt.Sprintf(format, a...)+" "+otherPlaces[kind]+". Leave it out.")
	}
	if isWritten(in.Service) && kind != kindPulumi {
		refuse("service", "service is about a bucket, and this state is")
	}
	if isWritten(in.Lock) && in.Lock.ValueString() != string(backendcfg.LockAuto) {
		diags.AddAttributeError(path.Root("lock"), summary, fmt.Sprintf(
			"lock = %q is about a bucket, and this state is %s. Leave it out, or write \"auto\".", in.Lock.ValueString(), otherPlaces[kind]))
	}
	if isWritten(in.DynamoDBTable) {
		refuse("dynamodb_table", "dynamodb_table is about a bucket, and this state is")
	}
	if kind == kindPulumi && len(in.RemoteStates.Elements()) > 0 {
		refuse("remote_states", "remote_states are data sources of Terraform's, and this is")
	}
}

// otherPlaces say where a state is that is not in a bucket of Terraform's, and how it is locked.
var otherPlaces = map[backendKind]string{
	kindPG:     "in PostgreSQL (pg), where the tool always locks",
	kindHTTP:   "behind a REST address (http), where the tool locks if http.lock_address says so",
	kindPulumi: "about Pulumi (pulumi), which locks in its own way",
}

func isWritten(v attr.Value) bool { return !v.IsNull() && !v.IsUnknown() }
