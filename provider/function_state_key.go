package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/layout"
)

var _ function.Function = (*stateKeyFunction)(nil)

// stateKeyFunction implements provider::groundwork::state_key.
type stateKeyFunction struct{}

// NewStateKeyFunction returns the function state_key.
func NewStateKeyFunction() function.Function { return &stateKeyFunction{} }

// Metadata implements function.Function.
func (f *stateKeyFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "state_key"
}

// Definition implements function.Function.
func (f *stateKeyFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "The key of a state in its environment's bucket",
		MarkdownDescription: "The key that a state has by convention in its environment's bucket: `infra/terraform.tfstate` for the phase `infra` of any environment, " +
			"`dev/terraform.tfstate` for a legacy environment `dev`, which has no phases.",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name:                "environment",
				MarkdownDescription: "The environment's name: letters, digits, dots, hyphens and underscores, starting with a letter or digit.",
			},
			function.StringParameter{
				Name:                "phase",
				AllowNullValue:      true,
				MarkdownDescription: "The phase's name, such as `infra`; empty for a legacy environment. Null says the same in Terraform; OpenTofu (1.12) cannot pass it.",
			},
		},
		Return: function.StringReturn{},
	}
}

// Run implements function.Function.
func (f *stateKeyFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var environment string
	var phase *string
	resp.Error = req.Arguments.Get(ctx, &environment, &phase)
	if resp.Error != nil {
		return
	}
	if phase == nil {
		phase = new(string)
	}
	key, err := layout.StateKey(environment, *phase)
	if err != nil {
		argument := int64(0)
		var name *layout.NameError
		if errors.As(err, &name) && name.What == "phase" {
			argument = 1
		}
		resp.Error = function.NewArgumentFuncError(argument, sentence(err.Error()))
		return
	}
	resp.Error = resp.Result.Set(ctx, key)
}
