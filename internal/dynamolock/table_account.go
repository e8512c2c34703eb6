package dynamolock

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// OtherAccountError is a table that is not found with the credentials of another account than the
// one that it was made in.
type OtherAccountError struct{ Table, Region, Made, Now string }

// Error implements error.
func (e *OtherAccountError) Error() string {
	return fmt.Sprintf("the DynamoDB table %q (region %s) was made in the AWS account %s, and the credentials are of the account %s, which does not have it", e.Table, e.Region, e.Made, e.Now)
}

// Elsewhere tells a table that is gone from one that belongs to another account than that of the
// credentials: its ARN, as remembered, names the account. The call that asks for one's own account
// (sts:GetCallerIdentity) needs no right; an emulation that lacks it is believed.
func (c *Client) Elsewhere(ctx context.Context, table, arn string) error {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 {
		return nil
	}
	out, err := c.account.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	switch {
	case err != nil && c.AWS():
		return c.wrap("sts:GetCallerIdentity, to tell whether a table that is not found is gone,", table, err)
	case err != nil || aws.ToString(out.Account) == "" || aws.ToString(out.Account) == parts[4]:
		return nil //nolint:nilerr // an emulation without STS has no accounts to tell apart
	}
	return &OtherAccountError{Table: table, Region: c.Region(), Made: parts[4], Now: aws.ToString(out.Account)}
}
