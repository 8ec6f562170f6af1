package eventing

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/compute"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/settings"
)

// StarterArgs describe the function that starts the pipelines.
type StarterArgs struct {
	// Names and Scope give every name and ARN.
	Names naming.Namer
	Scope naming.Scope
	// Repository is whose pushes start pipelines.
	Repository settings.Repository
	// Environments are those whose pipelines it starts.
	Environments promotion.Environments
	// KeyARN is the KMS key of the log group.
	KeyARN string
	// Code is the function's binary.
	Code compute.Code
	// AlarmTopicARN is where people hear of events that started nothing.
	AlarmTopicARN pulumi.StringInput
	// Tags are put on everything.
	Tags pulumi.StringMap
}

// Starter is the function, with its dead-letter queue.
type Starter struct {
	pulumi.ResourceState

	// Function is the function.
	Function *compute.Function
}

func (a *StarterArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("starter %s has no arguments", name)
	}
	var errs []error
	if a.Repository.Owner == "" || a.Repository.Name == "" || a.Repository.Branch == "" {
		errs = append(errs, fmt.Errorf("starter %s has no repository: set Repository", name))
	}
	if len(a.Environments) == 0 {
		errs = append(errs, fmt.Errorf("starter %s may start no pipeline: set Environments", name))
	}
	return errors.Join(errs...)
}

// NewStarter makes the function. The rules that invoke it, and their permission
// to, belong to the environments.
func NewStarter(ctx *pulumi.Context, name string, args *StarterArgs, opts ...pulumi.ResourceOption) (*Starter, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	sources, err := args.sources()
	if err != nil {
		return nil, err
	}
	policy, err := args.policy()
	if err != nil {
		return nil, fmt.Errorf("starter %s: %w", name, err)
	}
	s := &Starter{}
	if err := ctx.RegisterComponentResource("pipeline:trigger:Starter", name, s, opts...); err != nil {
		return nil, err
	}
	queue, err := NewDeadLetterQueue(ctx, name+"-dead-letter", &DeadLetterQueueArgs{
		Names:    args.Names,
		Scope:    args.Scope,
		Queue:    naming.StarterDeadLetter,
		Alarm:    naming.StarterAlarm,
		TopicARN: args.AlarmTopicARN,
		Tags:     args.Tags,
	}, s)
	if err != nil {
		return nil, err
	}
	s.Function, err = compute.NewFunction(ctx, name, &compute.FunctionArgs{
		Names:       args.Names,
		Kinds:       compute.FunctionKinds{Function: naming.StarterFunction, Role: naming.StarterRole, Policy: naming.StarterPolicy, Logs: naming.StarterLogs},
		Description: "Checks the events of the delivery bus and starts the pipelines",
		Code:        args.Code,
		Policy:      pulumi.String(policy),
		KeyARN:      args.KeyARN,
		Environment: pulumi.StringMap{
			contract.EnvRepository:      pulumi.String(args.Repository.FullName()),
			contract.EnvBranch:          pulumi.String(args.Repository.Branch),
			contract.EnvPipelineSources: pulumi.String(sources),
		},
		TimeoutSeconds: 30,
		DeadLetterARN:  queue.Arn.ToStringPtrOutput(),
		Tags:           args.Tags,
	}, pulumi.Parent(s))
	if err != nil {
		return nil, err
	}
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"function": s.Function.ARN})
}

func (a *StarterArgs) pipeline(env naming.Environment) string {
	return a.Names.In(env).Of(naming.Pipeline)
}

// sources is what the function reads: the source of the events that start each
// pipeline.
func (a *StarterArgs) sources() (string, error) {
	byPipeline := map[string]string{}
	for _, e := range a.Environments {
		byPipeline[a.pipeline(e.Name)] = On(a.Repository, e).Source()
	}
	text, err := json.Marshal(byPipeline)
	return string(text), err
}

// policy is all that the function may do: start exactly these pipelines, and see
// what it has started.
func (a *StarterArgs) policy() (string, error) {
	var pipelines []string
	for _, env := range a.Environments.Names() {
		pipelines = append(pipelines, a.Scope.Pipeline(a.pipeline(env)))
	}
	return iampolicy.New(
		compute.Logging(a.Scope.LogGroup(a.Names.Of(naming.StarterLogs))),
		iampolicy.Allow("codepipeline:StartPipelineExecution", "codepipeline:ListPipelineExecutions", "codepipeline:GetPipelineExecution").
			Named("Start").On(pipelines...),
		iampolicy.Allow("sqs:SendMessage").Named("DeadLetters").On(a.Scope.Queue(a.Names.Of(naming.StarterDeadLetter))),
	).JSON()
}
