package provider

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
)

// postgresModel is the part of the provider block that says how to reach PostgreSQL. The settings
// are flat because Pulumi cannot mark nested ones as secret.
type postgresModel struct {
	URL                 types.String `tfsdk:"postgres_url"`
	Host                types.String `tfsdk:"postgres_host"`
	Port                types.Int64  `tfsdk:"postgres_port"`
	User                types.String `tfsdk:"postgres_user"`
	Password            types.String `tfsdk:"postgres_password"`
	MaintenanceDatabase types.String `tfsdk:"postgres_maintenance_database"`
	SSLMode             types.String `tfsdk:"postgres_sslmode"`
	SSLRootCert         types.String `tfsdk:"postgres_sslrootcert"`
	SSLCert             types.String `tfsdk:"postgres_sslcert"`
	SSLKey              types.String `tfsdk:"postgres_sslkey"`
	ConnectTimeout      types.Int64  `tfsdk:"postgres_connect_timeout"`
}

func postgresAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"postgres_url": schema.StringAttribute{
			MarkdownDescription: "A connection URL, `postgres://user@host:port/maintenance_database?sslmode=verify-full`. What it leaves out comes from the other settings; a setting that contradicts it is an error. Default: `GROUNDWORK_POSTGRES_URL`. Prefer a URL without a password, and the password in the environment.",
			Optional:            true, Sensitive: true,
		},
		"postgres_host": schema.StringAttribute{
			MarkdownDescription: "The server's name, IPv4 or IPv6 address, or the folder of its Unix socket. Default: `GROUNDWORK_POSTGRES_HOST`, then `PULUMI_LOCK_DB_HOST`, then `PGHOST`.",
			Optional:            true,
		},
		"postgres_port": schema.Int64Attribute{
			MarkdownDescription: "The server's port. Managed services often use another one than 5432. Default: `GROUNDWORK_POSTGRES_PORT`, then `PULUMI_LOCK_DB_PORT`, then `PGPORT`, then 5432.",
			Optional:            true, Validators: []validator.Int64{int64validator.Between(1, 65535)},
		},
		"postgres_user": schema.StringAttribute{
			MarkdownDescription: "Who to connect as. Default: `GROUNDWORK_POSTGRES_USER`, then `PULUMI_LOCK_DB_USER`, then `PGUSER`.",
			Optional:            true,
		},
		"postgres_password": schema.StringAttribute{
			MarkdownDescription: "The password. Default: `GROUNDWORK_POSTGRES_PASSWORD`, then `PULUMI_LOCK_DB_PASSWORD`, then `PGPASSWORD`, then the file that `PGPASSFILE` names. Prefer the environment.",
			Optional:            true, Sensitive: true,
		},
		"postgres_maintenance_database": schema.StringAttribute{
			MarkdownDescription: "A database that exists, from which others are created and dropped, such as `rdb` on Scaleway. Default: `GROUNDWORK_POSTGRES_MAINTENANCE_DATABASE`, then `postgres`.",
			Optional:            true,
		},
		"postgres_sslmode": schema.StringAttribute{
			MarkdownDescription: "How TLS is used, as libpq defines it: `disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`. Only the last two protect against a false server. Default: `GROUNDWORK_POSTGRES_SSLMODE`, then `PGSSLMODE`, then `prefer`.",
			Optional:            true,
			Validators:          []validator.String{stringvalidator.OneOf("disable", "allow", "prefer", "require", "verify-ca", "verify-full")},
		},
		"postgres_sslrootcert": schema.StringAttribute{
			MarkdownDescription: "The certificate authority that `verify-ca` and `verify-full` trust: the path of a PEM file, or the PEM text itself, such as `scaleway_rdb_instance.lock.certificate`. Default: `GROUNDWORK_POSTGRES_SSLROOTCERT`, then `PGSSLROOTCERT`, then the system's authorities.",
			Optional:            true,
		},
		"postgres_sslcert": schema.StringAttribute{
			MarkdownDescription: "The client's certificate, as a path or PEM text, where the server asks for one. Default: `GROUNDWORK_POSTGRES_SSLCERT`, then `PGSSLCERT`.",
			Optional:            true,
		},
		"postgres_sslkey": schema.StringAttribute{
			MarkdownDescription: "The key of `postgres_sslcert`, as a path or PEM text. Default: `GROUNDWORK_POSTGRES_SSLKEY`, then `PGSSLKEY`.",
			Optional:            true, Sensitive: true,
		},
		"postgres_connect_timeout": schema.Int64Attribute{
			MarkdownDescription: "How many seconds one connection may take, also while the server is still starting. Default: `GROUNDWORK_POSTGRES_CONNECT_TIMEOUT`, then `PGCONNECT_TIMEOUT`, then 15.",
			Optional:            true, Validators: []validator.Int64{int64validator.Between(1, 600)},
		},
	}
}

// postgres turns the block into the engine's configuration.
func (m postgresModel) postgres() pglock.Config {
	return pglock.Config{
		URL: m.URL.ValueString(), Host: m.Host.ValueString(), Port: int(m.Port.ValueInt64()),
		User: m.User.ValueString(), Password: m.Password.ValueString(),
		MaintenanceDatabase: m.MaintenanceDatabase.ValueString(), SSLMode: m.SSLMode.ValueString(),
		SSLRootCert: m.SSLRootCert.ValueString(), SSLCert: m.SSLCert.ValueString(), SSLKey: m.SSLKey.ValueString(),
		ConnectTimeout: time.Duration(m.ConnectTimeout.ValueInt64()) * time.Second,
	}
}

// postgresUnknown names the settings whose value another resource decides in this same run.
func (m postgresModel) postgresUnknown() []string {
	return unknownNames(map[string]bool{
		"postgres_url": m.URL.IsUnknown(), "postgres_host": m.Host.IsUnknown(), "postgres_port": m.Port.IsUnknown(),
		"postgres_user": m.User.IsUnknown(), "postgres_password": m.Password.IsUnknown(),
		"postgres_maintenance_database": m.MaintenanceDatabase.IsUnknown(), "postgres_sslmode": m.SSLMode.IsUnknown(),
		"postgres_sslrootcert": m.SSLRootCert.IsUnknown(), "postgres_sslcert": m.SSLCert.IsUnknown(),
		"postgres_sslkey": m.SSLKey.IsUnknown(), "postgres_connect_timeout": m.ConnectTimeout.IsUnknown(),
	})
}
