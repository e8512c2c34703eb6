package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendfor"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// backendParts are the inputs taken apart.
type backendParts struct {
	in *backendInputs
	s3 s3Model
	// pg is nil for a state in a bucket.
	pg *pgModel
	// http and pulumi are nil for other places, project and lockDB where they are left out.
	http    *httpModel
	pulumi  *pulumiModel
	project *pulumiProjectModel
	lockDB  *lockPlaceModel
	role    *assumeRoleModel
	remotes map[string]remoteStateModel
	place   backendfor.Place
}

// resolve fills what the inputs leave out and returns the settings to render. They are nil while
// something is not known yet, or after an error.
func (in *backendInputs) resolve(ctx context.Context, data *providerData, diags *diag.Diagnostics) *backendcfg.Config {
	in.fillDefaults()
	in.checkType(diags)
	p := in.parts(ctx, diags)
	p.checkRemotes(diags)
	p.checkPulumi(diags)
	if diags.HasError() {
		return nil
	}
	located := p.fill(ctx, data, diags)
	if diags.HasError() {
		return nil
	}
	var d diag.Diagnostics
	switch {
	case p.pg != nil && !in.PG.IsUnknown():
		in.PG, d = types.ObjectValueFrom(ctx, pgType, p.pg)
	case p.pulumi != nil && !in.Pulumi.IsUnknown():
		in.Pulumi, d = types.ObjectValueFrom(ctx, pulumiType, p.pulumi)
	case in.kind() == kindS3 && !in.S3.IsUnknown():
		in.S3, d = types.ObjectValueFrom(ctx, s3Type, p.s3)
	}
	diags.Append(d...)
	if !in.RemoteStates.IsUnknown() {
		in.RemoteStates, d = types.MapValueFrom(ctx, remoteStateType, p.remotes)
		diags.Append(d...)
	}
	if diags.HasError() || !located || !in.isKnown(ctx) {
		return nil
	}
	c, err := p.settings()
	if err == nil && in.kind() == kindS3 {
		c.Lock, err = p.lock(c.Target)
	}
	if err != nil {
		addBackendError(diags, "Invalid Backend Configuration", err)
		return nil
	}
	return &c
}

// fill fills what is left out, as far as it is known where the state is.
func (p *backendParts) fill(ctx context.Context, data *providerData, diags *diag.Diagnostics) bool {
	switch {
	case p.pg != nil:
		p.fillPG()
		return true
	case p.http != nil:
		return true // all of it is written down
	case p.pulumi != nil:
		return p.fillPulumi(ctx, data, diags)
	}
	located := p.locate(ctx, data, diags)
	if !diags.HasError() {
		p.fillS3(located)
		p.fillRemotes()
	}
	return located
}

// fillDefaults stands in for the schema's defaults, which data sources do not have.
func (in *backendInputs) fillDefaults() {
	for v, value := range map[*types.String]string{
		&in.Lock: string(backendcfg.LockAuto), &in.Tool: string(backendcfg.Terraform), &in.ToolVersion: toolLatest,
	} {
		if v.IsNull() {
			*v = types.StringValue(value)
		}
	}
}

func (in *backendInputs) isKnown(ctx context.Context) bool {
	for _, v := range []attr.Value{in.S3, in.PG, in.HTTP, in.Pulumi, in.LockDatabase, in.Service, in.Lock, in.DynamoDBTable, in.RemoteStates, in.Tool, in.ToolVersion} {
		if !isFullyKnown(ctx, v) {
			return false
		}
	}
	return true
}

// parts takes the objects apart; what is unknown in them stays so.
func (in *backendInputs) parts(ctx context.Context, diags *diag.Diagnostics) *backendParts {
	p := &backendParts{in: in, remotes: map[string]remoteStateModel{}}
	p.parsePlace(ctx, diags)
	if isWritten(in.LockDatabase) {
		p.lockDB = &lockPlaceModel{}
		diags.Append(in.LockDatabase.As(ctx, p.lockDB, basetypes.ObjectAsOptions{})...)
	}
	if role := p.s3.AssumeRole; !role.IsNull() && !role.IsUnknown() {
		p.role = &assumeRoleModel{}
		diags.Append(role.As(ctx, p.role, basetypes.ObjectAsOptions{})...)
	}
	if in.RemoteStates.IsNull() || in.RemoteStates.IsUnknown() {
		return p
	}
	elements := map[string]types.Object{}
	diags.Append(in.RemoteStates.ElementsAs(ctx, &elements, false)...)
	for name, element := range elements {
		r := remoteStateModel{
			Key: types.StringUnknown(), Bucket: types.StringUnknown(), Region: types.StringUnknown(), Endpoint: types.StringUnknown(),
			WorkspaceKeyPrefix: types.StringUnknown(), SchemaName: types.StringUnknown(), TableName: types.StringUnknown(),
			IndexName: types.StringUnknown(), Address: types.StringUnknown(), Workspace: types.StringUnknown(), Defaults: types.StringUnknown(),
		}
		if !element.IsUnknown() {
			diags.Append(element.As(ctx, &r, basetypes.ObjectAsOptions{})...)
		}
		p.remotes[name] = r
	}
	return p
}

// parsePlace takes the object apart that says where the state is.
func (p *backendParts) parsePlace(ctx context.Context, diags *diag.Diagnostics) {
	in := p.in
	switch in.kind() {
	case kindPG:
		p.pg = unknownPG()
		if !in.PG.IsUnknown() {
			diags.Append(in.PG.As(ctx, p.pg, basetypes.ObjectAsOptions{})...)
		}
	case kindHTTP:
		p.http = unknownHTTP()
		if !in.HTTP.IsUnknown() {
			diags.Append(in.HTTP.As(ctx, p.http, basetypes.ObjectAsOptions{})...)
		}
	case kindPulumi:
		p.parsePulumi(ctx, diags)
	case kindS3:
		if in.S3.IsUnknown() {
			unknown := types.StringUnknown()
			p.s3 = s3Model{Bucket: unknown, Key: unknown, Region: unknown, Endpoint: unknown, WorkspaceKeyPrefix: unknown}
		} else if !in.S3.IsNull() {
			diags.Append(in.S3.As(ctx, &p.s3, basetypes.ObjectAsOptions{})...)
		}
	}
}

// where is what is written down about the bucket's place.
func (p *backendParts) where() (region, endpoint types.String) {
	if p.pulumi != nil {
		return p.pulumi.Region, p.pulumi.Endpoint
	}
	return p.s3.Region, p.s3.Endpoint
}

// locate finds the service, the region and the endpoint. It is false while they are not known.
func (p *backendParts) locate(ctx context.Context, data *providerData, diags *diag.Diagnostics) bool {
	writtenRegion, writtenEndpoint := p.where()
	if p.in.Service.IsUnknown() || writtenRegion.IsUnknown() || writtenEndpoint.IsUnknown() {
		return false
	}
	service, region, endpoint := p.in.Service.ValueString(), writtenRegion.ValueString(), writtenEndpoint.ValueString()
	if service == "" || region == "" || endpoint == "" {
		found, err := p.locateByProvider(ctx, data, service, region, endpoint)
		switch {
		case errors.Is(err, errUnknownConfig):
			return false
		case err != nil:
			addPlaceError(diags, err)
			return false
		case found:
			return true
		}
	}
	var err error
	if p.place, err = backendfor.PlaceFor(service, region, endpoint); err != nil {
		addPlaceError(diags, err)
	}
	return err == nil
}

// locateByProvider takes what is left out from the provider's configuration, as far as that is
// about the same service. It is not found, without an error, where the provider says nothing.
func (p *backendParts) locateByProvider(ctx context.Context, data *providerData, service, region, endpoint string) (bool, error) {
	c, err := data.store(ctx, "")
	if errors.Is(err, errUnknownConfig) {
		return false, err
	}
	if err != nil && (service != "" || endpoint != "") {
		return false, nil // not configured for S3: what is written here has to do
	}
	if err != nil {
		return false, &noServiceError{err: err}
	}
	switch {
	case service != "" && service != c.Profile().Name:
		return false, nil
	case endpoint != "" && endpoint != c.Endpoint():
		if service == "" {
			return false, nil // another endpoint may be another service
		}
		if region == "" {
			region = c.Region()
		}
		p.place, err = backendfor.PlaceFor(service, region, endpoint)
		return err == nil, err
	}
	if region != "" {
		if c, err = data.store(ctx, region); err != nil {
			return false, err
		}
	}
	p.place = backendfor.PlaceOf(c)
	return true, nil
}

// noServiceError means that neither the inputs nor the provider say where the bucket is.
type noServiceError struct{ err error }

// Error implements error.
func (e *noServiceError) Error() string {
	return "Neither service nor s3.endpoint says where the bucket is, and the provider's configuration does not either: " + e.err.Error()
}

// Unwrap gives the cause.
func (e *noServiceError) Unwrap() error { return e.err }

// addPlaceError says which attribute is missing here, where the engine speaks of the provider's.
func addPlaceError(diags *diag.Diagnostics, err error) {
	const summary = "Invalid Backend Configuration"
	const hint = " A backend configuration can say where the bucket is by itself: set service, and s3.region and s3.endpoint where the service has no known ones."
	var none *noServiceError
	var conf *s3store.ConfigError
	switch {
	case errors.As(err, &none):
		diags.AddAttributeError(path.Root("service"), summary, period(err.Error())+hint)
	case errors.As(err, &conf):
		diags.AddAttributeError(backendPath(conf.Field), summary, period(conf.Problem)+hint)
	default:
		addBackendError(diags, summary, err)
	}
}

func (p *backendParts) fillS3(located bool) {
	s := &p.s3
	if !located {
		p.in.Service, s.Region, s.Endpoint = unknownIfNull(p.in.Service), unknownIfNull(s.Region), unknownIfNull(s.Endpoint)
		if s.UsePathStyle.IsNull() {
			s.UsePathStyle = types.BoolUnknown()
		}
		if s.SkipS3Checksum.IsNull() {
			s.SkipS3Checksum = types.BoolUnknown()
		}
		return
	}
	p.in.Service = types.StringValue(p.place.Profile.Name)
	s.Region, s.Endpoint = orText(s.Region, p.place.Region), orText(s.Endpoint, p.place.Endpoint)
	if s.UsePathStyle.IsNull() {
		s.UsePathStyle = types.BoolValue(p.place.PathStyle)
	}
	if s.SkipS3Checksum.IsNull() {
		s.SkipS3Checksum = types.BoolValue(backendfor.Flags(p.place.Profile).SkipS3Checksum)
	}
}

// fillRemotes lets each remote state inherit what it leaves out.
func (p *backendParts) fillRemotes() {
	inherit := func(v *types.String, from types.String) {
		if v.IsNull() {
			*v = from
		}
	}
	for name, r := range p.remotes {
		inherit(&r.Bucket, p.s3.Bucket)
		inherit(&r.Region, p.s3.Region)
		inherit(&r.Endpoint, p.s3.Endpoint)
		inherit(&r.WorkspaceKeyPrefix, p.s3.WorkspaceKeyPrefix)
		inherit(&r.WorkspaceKeyPrefix, types.StringValue(""))
		p.remotes[name] = r
	}
}

// lock decides how the state is locked.
func (p *backendParts) lock(t backendcfg.Target) (backendcfg.Resolved, error) {
	mode, table := backendcfg.LockMode(p.in.Lock.ValueString()), p.in.DynamoDBTable.ValueString()
	verdict := backendfor.Verdict(p.place.Profile)
	switch {
	case mode == lockUnknown && table != "":
		mode = backendcfg.LockDynamoDB
	case mode == lockUnknown:
		return backendcfg.Resolved{}, &backendcfg.FieldError{Field: "lock", Reason: "is \"unknown\": nothing has shown yet whether lock objects hold in this bucket. " +
			"Read data \"groundwork_s3_capabilities\" with this bucket and probe = true, and set lock to its lock_strategy; " +
			"or set \"lockfile\" or \"none\" yourself"}
	case mode == backendcfg.LockLockfile && verdict == backendcfg.VerdictUnknown:
		// The word of the user, or of a probe that the bucket's lock_strategy passes on.
		verdict = backendcfg.VerdictSafe
	}
	return backendcfg.ResolveLock(backendcfg.LockRequest{Mode: mode, Verdict: verdict, DynamoDBTable: table}, t)
}

func unknownIfNull(v types.String) types.String {
	if v.IsNull() {
		return types.StringUnknown()
	}
	return v
}

// orText is v, or value where v is null; an empty value is null.
func orText(v types.String, value string) types.String {
	if !v.IsNull() || value == "" {
		return v
	}
	return types.StringValue(value)
}

// checkWritten validates all that is written down, with stand-ins for what is not known yet, so
// that mistakes show before anything else is planned.
func (in *backendInputs) checkWritten(ctx context.Context, format backendcfg.Format, formatUnknown bool, diags *diag.Diagnostics) {
	copied := *in
	copied.fillDefaults()
	copied.checkType(diags)
	written := isWritten(copied.S3) || isWritten(copied.PG) || isWritten(copied.HTTP) || isWritten(copied.Pulumi)
	if diags.HasError() || !written {
		return
	}
	p := copied.parts(ctx, diags)
	p.checkRemotes(diags)
	p.checkPulumi(diags)
	if diags.HasError() {
		return
	}
	p.standIns()
	c, err := p.settings()
	if err == nil {
		err = c.Validate()
	}
	if err == nil && !formatUnknown {
		err = c.CheckFormat(format)
	}
	if err != nil {
		addBackendError(diags, "Invalid Backend Configuration", err)
	}
	if copied.Lock.ValueString() == string(backendcfg.LockDynamoDB) && copied.DynamoDBTable.IsNull() {
		diags.AddAttributeError(path.Root("dynamodb_table"), "Invalid Attribute Combination", "lock = \"dynamodb\" needs dynamodb_table, which names the lock table.")
	}
}

// standIns replaces what is unknown or left out by values that pass every check.
func (p *backendParts) standIns() {
	switch {
	case p.pg != nil:
		p.standInsPG()
		return
	case p.http != nil:
		p.standInsHTTP()
		return
	case p.pulumi != nil:
		p.standInsPulumi()
		return
	}
	const anywhere = "https://placeholder.invalid"
	stand := func(v *types.String, value string) {
		if v.IsUnknown() || v.IsNull() {
			*v = types.StringValue(value)
		}
	}
	drop := func(values ...*types.String) {
		for _, v := range values {
			if v.IsUnknown() {
				*v = types.StringNull()
			}
		}
	}
	stand(&p.s3.Bucket, "placeholder")
	stand(&p.s3.Key, "placeholder")
	stand(&p.s3.Endpoint, anywhere)
	stand(&p.in.Tool, string(backendcfg.Terraform))
	stand(&p.in.ToolVersion, toolLatest)
	drop(&p.s3.Region, &p.s3.WorkspaceKeyPrefix, &p.s3.KMSKeyID, &p.s3.Profile, &p.s3.CustomCABundle,
		&p.s3.DynamoDBEndpoint, &p.s3.STSEndpoint)
	if r := p.role; r != nil {
		stand(&r.RoleARN, "placeholder")
		drop(&r.SessionName, &r.ExternalID, &r.Duration, &r.Policy)
	}
	for name, r := range p.remotes {
		stand(&r.Key, "placeholder")
		stand(&r.Bucket, "placeholder")
		stand(&r.Endpoint, anywhere)
		drop(&r.Region, &r.WorkspaceKeyPrefix, &r.Workspace, &r.Defaults)
		p.remotes[name] = r
	}
}
