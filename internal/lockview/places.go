// Package lockview shows locks of every kind in one list: the leases of a lock table, and the locks
// that the tools themselves hold on states. It finds the latter by where the states are.
package lockview

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/location"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/toollock"
)

// World is what places are reached by beside what their locations say.
type World struct {
	// Getenv reads the environment.
	Getenv func(string) string
	// Version of groundwork.
	Version string
	// Store is what is known of the S3 service; a location fills in what it says itself.
	Store s3store.Config
	// OneState keeps List to the state of each location, and else it shows the locks of all its
	// workspaces or stacks.
	OneState bool
}

// workspaces is the lock of one state, beside those of all others in its backend.
type workspaces struct {
	toollock.Place
	all func(context.Context) ([]toollock.Lock, error)
}

// All shows the locks of all workspaces.
func (w workspaces) All(ctx context.Context) ([]toollock.Lock, error) { return w.all(ctx) }

// UnknownBackendError is a backend whose locks groundwork does not know.
type UnknownBackendError struct{ Location location.Location }

// Error implements error.
func (e *UnknownBackendError) Error() string {
	if e.Location.HTTP != nil {
		return fmt.Sprintf("the http backend of %s cannot be asked who holds its locks: a lock shows only to who tries to take it, so ask the server that keeps the state", e.Location.Dir)
	}
	return fmt.Sprintf("the %s backend %q of %s has locks of its own, which groundwork neither shows nor takes", e.Location.Tool, e.Location.Backend, e.Location.Dir)
}

// Places are the locks that the tool takes on the state of a location, in the order in which it takes
// them. A state in a bucket without a lock has none.
func (w World) Places(ctx context.Context, l location.Location) ([]toollock.Place, error) {
	return w.places(ctx, l, false)
}

// places with all also has the lock file of a backend that does not use one.
func (w World) places(ctx context.Context, l location.Location, all bool) ([]toollock.Place, error) {
	switch {
	case l.S3 != nil && l.Tool == location.Pulumi:
		client, _, err := w.store(ctx, *l.S3)
		if err != nil {
			return nil, err
		}
		return []toollock.Place{toollock.NewPulumi(toollock.BucketFiles(client, l.S3.Bucket, l.S3.Prefix), l.Project, l.StackName())}, nil
	case l.S3 != nil:
		return w.s3Places(ctx, *l.S3, all)
	case l.File != "" && l.Tool == location.Pulumi:
		return []toollock.Place{toollock.NewPulumi(toollock.DirFiles(filepath.FromSlash(l.File)), l.Project, l.StackName())}, nil
	case l.File != "":
		return []toollock.Place{workspaces{toollock.NewLocal(l.File), func(ctx context.Context) ([]toollock.Lock, error) {
			return toollock.LocalLocks(ctx, l.DefaultFile, l.WorkspaceDir)
		}}}, nil
	case l.Tool == location.Pulumi && l.Backend == "postgres":
		return w.pulumiTable(l)
	case l.PG != nil:
		client, err := w.postgres(*l.PG)
		if err != nil {
			return nil, err
		}
		return []toollock.Place{toollock.NewPG(client, toollock.PGStates{Schema: l.PG.Schema, Table: l.PG.Table}, l.Workspace)}, nil
	}
	return nil, &UnknownBackendError{Location: l}
}

func (w World) store(ctx context.Context, at location.S3) (*s3store.Client, s3store.Config, error) {
	cfg := w.Store
	cfg.Version = w.Version
	set := func(to *string, text string) {
		if text != "" {
			*to = text
		}
	}
	set(&cfg.Region, at.Region)
	set(&cfg.Endpoint, at.Endpoint)
	set(&cfg.SharedProfile, at.Profile)
	set(&cfg.CABundle, at.CABundle)
	if at.PathStyle != nil {
		cfg.UsePathStyle = at.PathStyle
	}
	if at.AccessKey != "" && at.SecretKey != "" {
		cfg.AccessKey, cfg.SecretKey, cfg.SessionToken = at.AccessKey.Reveal(), at.SecretKey.Reveal(), at.Token.Reveal()
	}
	client, err := s3store.New(ctx, cfg)
	return client, cfg, err
}

func (w World) s3Places(ctx context.Context, at location.S3, all bool) ([]toollock.Place, error) {
	client, cfg, err := w.store(ctx, at)
	if err != nil {
		return nil, err
	}
	var places []toollock.Place
	states := toollock.S3States{Bucket: at.Bucket, Key: at.DefaultKey, Prefix: at.WorkspacePrefix}
	if at.Lockfile || all {
		places = append(places, workspaces{toollock.NewLockfile(client, at.Bucket, at.Key), func(ctx context.Context) ([]toollock.Lock, error) {
			return states.Lockfiles(ctx, client)
		}})
	}
	if at.DynamoDBTable != "" {
		table := dynamolock.Config{Endpoint: at.DynamoDBEndpoint, Region: at.Region, SharedProfile: at.Profile, Version: w.Version}
		if at.AccessKey != "" && at.SecretKey != "" { // which the tools use for both
			table.AccessKey, table.SecretKey, table.SessionToken = at.AccessKey.Reveal(), at.SecretKey.Reveal(), at.Token.Reveal()
		}
		locks, err := dynamolock.New(ctx, table.WithStore(cfg, w.Getenv))
		if err != nil {
			return nil, err
		}
		places = append(places, workspaces{toollock.NewDynamoDB(locks, at.DynamoDBTable, at.Bucket, at.Key), func(ctx context.Context) ([]toollock.Lock, error) {
			return states.DynamoDB(ctx, locks, at.DynamoDBTable, client)
		}})
	}
	return places, nil
}

// pulumiTable is Pulumi's backend in PostgreSQL.
func (w World) pulumiTable(l location.Location) ([]toollock.Place, error) {
	files, err := toollock.TableFiles(l.URL.Reveal(), func(database string) (*pglock.Client, error) {
		return w.postgres(location.PG{ConnStr: location.Secret(database)})
	})
	if err != nil {
		return nil, err
	}
	return []toollock.Place{toollock.NewPulumi(files, l.Project, l.StackName())}, nil
}

func (w World) postgres(at location.PG) (*pglock.Client, error) {
	settings, err := pglock.Config{URL: at.ConnStr.Reveal()}.Resolve(func(string) string { return "" })
	if err != nil {
		return nil, err
	}
	return pglock.New(settings)
}
