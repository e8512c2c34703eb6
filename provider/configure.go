package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// providerData is what Configure hands to every resource and data source.
type providerData struct {
	config  s3store.Config
	unknown []string

	postgresConfig  pglock.Config
	postgresUnknown []string

	dynamoConfig  dynamolock.Config
	dynamoUnknown []string

	mu      sync.Mutex
	clients map[string]*s3store.Client
	tables  map[string]*dynamolock.Client
}

// errUnknownConfig means that the provider's settings are decided later in this same run.
var errUnknownConfig = errors.New("the provider's configuration is not known yet")

// store returns the client for a region, the provider's own when region is empty.
func (d *providerData) store(ctx context.Context, region string) (*s3store.Client, error) {
	if len(d.unknown) > 0 {
		return nil, fmt.Errorf("%w: %s", errUnknownConfig, strings.Join(d.unknown, ", "))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c, ok := d.clients[region]; ok {
		return c, nil
	}
	base, ok := d.clients[""]
	if !ok {
		var err error
		if base, err = s3store.New(ctx, d.config); err != nil {
			return nil, err
		}
		d.clients = map[string]*s3store.Client{"": base}
	}
	c, err := base.ForRegion(ctx, region)
	if err != nil {
		return nil, err
	}
	d.clients[region] = c
	return c, nil
}

// postgres returns the client of the lock databases. It connects to nothing yet.
func (d *providerData) postgres() (*pglock.Client, error) {
	if len(d.postgresUnknown) > 0 {
		return nil, fmt.Errorf("%w: %s", errUnknownConfig, strings.Join(d.postgresUnknown, ", "))
	}
	settings, err := d.postgresConfig.Resolve(os.Getenv)
	if err != nil {
		return nil, err
	}
	return pglock.New(settings)
}

// unknownNames sorts out the names whose value is true.
func unknownNames(unknown map[string]bool) []string {
	var names []string
	for name, is := range unknown {
		if is {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// dataFrom takes the provider's data out of a Configure request. It is nil before the provider
// itself is configured.
func dataFrom(v any, diags *diag.Diagnostics) *providerData {
	if v == nil {
		return nil
	}
	d, ok := v.(*providerData)
	if !ok {
		diags.AddError("Unexpected Configure Type",
			fmt.Sprintf("Expected *providerData, got %T. This is a bug in the provider: please report it.", v))
	}
	return d
}

func quotedList(values []string) string {
	return "`" + strings.Join(values, "`, `") + "`"
}
