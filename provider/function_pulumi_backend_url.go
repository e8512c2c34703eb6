package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

var _ function.Function = (*pulumiBackendURLFunction)(nil)

// pulumiBackendURLFunction implements provider::groundwork::pulumi_backend_url.
type pulumiBackendURLFunction struct{}

// NewPulumiBackendURLFunction returns the function pulumi_backend_url.
func NewPulumiBackendURLFunction() function.Function { return &pulumiBackendURLFunction{} }

// Metadata implements function.Function.
func (f *pulumiBackendURLFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "pulumi_backend_url"
}

// Definition implements function.Function.
func (f *pulumiBackendURLFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "The address of a Pulumi backend",
		MarkdownDescription: "The address that `pulumi login`, `PULUMI_BACKEND_URL` and `backend.url` take for states in a bucket or in PostgreSQL. " +
			"It has the parameters that the CLI of `tool_version` accepts, and no others: an unknown one is an error in Pulumi. Credentials are refused.\n\n" +
			"Without `tool_version` every version of the CLI accepts the address. Versions 3.245 to 3.255 send checksums that services other than AWS may refuse: for those, " +
			"`request_checksum_calculation=when_required` is added beside an endpoint. 3.256 and newer do so by themselves; 3.256 and 3.257 fail on Cloudflare R2.",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name:                "bucket",
				MarkdownDescription: "The bucket's name; with `scheme = \"postgres\"`, the database's.",
			},
			function.DynamicParameter{
				Name: "settings",
				MarkdownDescription: "An object of whatever is needed, or `{}`; null values in it count as left out. OpenTofu (1.12) cannot pass null itself.\n\n" +
					"For a bucket: `prefix`, `region`, `endpoint`, `profile` (text), `use_path_style` (boolean), `parameters` (a map of further parameters by Pulumi's names: " +
					quotedList(backendcfg.PulumiParameterNames(nil)) + "), `tool_version` (such as `\"3.258.0\"`).\n\n" +
					"For PostgreSQL: `scheme = \"postgres\"`, `host`, `port`, `table`, `parameters` (the driver's, such as `sslmode` and `search_path`), `tool_version`. " +
					"The user and the password come from `PGUSER` and `PGPASSWORD`.",
			},
		},
		Return: function.StringReturn{},
	}
}

// Run implements function.Function.
func (f *pulumiBackendURLFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var bucket string
	var dynamic types.Dynamic
	resp.Error = req.Arguments.Get(ctx, &bucket, &dynamic)
	if resp.Error != nil {
		return
	}
	text, err := pulumiAddress(bucket, dynamic)
	if err != nil {
		argument := int64(1)
		var field *backendcfg.FieldError
		var credential *backendcfg.CredentialError
		if errors.As(err, &field) && (field.Field == "bucket" || field.Field == "database") ||
			errors.As(err, &credential) && credential.Field == "bucket" {
			argument = 0
		}
		resp.Error = function.NewArgumentFuncError(argument, period(err.Error()))
		return
	}
	resp.Error = resp.Result.Set(ctx, text)
}

// functionOptions takes the options of one call apart; what is asked for is used up.
type functionOptions struct {
	values map[string]attr.Value
	known  []string
	err    error
}

func pulumiAddress(bucket string, dynamic types.Dynamic) (string, error) {
	o := &functionOptions{values: map[string]attr.Value{}}
	if err := o.read(dynamic.UnderlyingValue()); err != nil {
		return "", err
	}
	scheme := o.text("scheme")
	version, err := backendcfg.ParsePulumiVersion(o.text("tool_version"))
	if err != nil {
		return "", err
	}
	parameters := o.texts("parameters")
	switch scheme {
	case "", "s3":
		p := backendcfg.PulumiS3{
			Bucket: bucket, Prefix: o.text("prefix"), Region: o.text("region"), Endpoint: o.text("endpoint"), Profile: o.text("profile"),
			PathStyle: o.flag("use_path_style"), Parameters: parameters, Version: version,
		}
		if err := o.rest(); err != nil {
			return "", err
		}
		if p.Endpoint == "https://s3."+p.Region+".amazonaws.com" {
			p.Endpoint = "" // AWS's own, which a bucket reports and Pulumi finds by the region
		}
		return p.URL()
	case "postgres":
		p := backendcfg.PulumiPostgres{
			Host: o.text("host"), Port: o.number("port"), Database: bucket, Table: o.text("table"), Parameters: parameters, Version: version,
		}
		if err := o.rest(); err != nil {
			return "", err
		}
		return p.URL()
	}
	return "", &backendcfg.FieldError{Field: "scheme", Reason: fmt.Sprintf("is %q; use \"s3\" or \"postgres\"", scheme)}
}

// read takes an object or a map.
func (o *functionOptions) read(v attr.Value) error {
	var values map[string]attr.Value
	switch v := v.(type) {
	case nil:
		return nil
	case basetypes.ObjectValue:
		values = v.Attributes()
	case basetypes.MapValue:
		values = v.Elements()
	default:
		return &backendcfg.FieldError{Field: "settings", Reason: "is no object; write it like { region = \"eu-west-1\" }, or {}"}
	}
	for name, value := range values {
		if d, ok := value.(types.Dynamic); ok {
			value = d.UnderlyingValue()
		}
		if value != nil && !value.IsNull() {
			o.values[name] = value
		}
	}
	return nil
}

// take uses an option up.
func (o *functionOptions) take(name string) attr.Value {
	o.known = append(o.known, name)
	v := o.values[name]
	delete(o.values, name)
	return v
}

func (o *functionOptions) refuse(name, want string) {
	if o.err == nil {
		o.err = &backendcfg.FieldError{Field: name, Reason: "is no " + want}
	}
}

func (o *functionOptions) text(name string) string {
	switch v := o.take(name).(type) {
	case nil:
	case types.String:
		return v.ValueString()
	default:
		o.refuse(name, "text")
	}
	return ""
}

func (o *functionOptions) flag(name string) bool {
	switch v := o.take(name).(type) {
	case nil:
	case types.Bool:
		return v.ValueBool()
	default:
		o.refuse(name, "boolean; write true or false")
	}
	return false
}

func (o *functionOptions) number(name string) int {
	switch v := o.take(name).(type) {
	case nil:
	case types.Number:
		if n, accuracy := v.ValueBigFloat().Int64(); accuracy == 0 && v.ValueBigFloat().IsInt() && n >= -1<<31 && n < 1<<31 {
			return int(n)
		}
		o.refuse(name, "whole number")
	default:
		o.refuse(name, "number")
	}
	return 0
}

func (o *functionOptions) texts(name string) map[string]string {
	out := map[string]string{}
	v := o.take(name)
	if v == nil {
		return out
	}
	in := &functionOptions{values: map[string]attr.Value{}}
	if err := in.read(v); err != nil {
		o.refuse(name, "map of text")
		return out
	}
	for key, value := range in.values {
		switch value := value.(type) {
		case types.String:
			out[key] = value.ValueString()
		case types.Bool:
			out[key] = strconv.FormatBool(value.ValueBool())
		case types.Number:
			out[key] = value.ValueBigFloat().Text('f', -1)
		default:
			o.refuse(name, "map of text")
		}
	}
	return out
}

// rest refuses what nobody asked for.
func (o *functionOptions) rest() error {
	if o.err != nil || len(o.values) == 0 {
		return o.err
	}
	names := make([]string, 0, len(o.values))
	for name := range o.values {
		names = append(names, name)
	}
	slices.Sort(names)
	slices.Sort(o.known)
	return &backendcfg.FieldError{Field: "settings", Reason: "has no place for " + strings.Join(names, ", ") + "; it takes " + strings.Join(o.known, ", ")}
}
