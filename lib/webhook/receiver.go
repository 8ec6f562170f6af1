package webhook

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/dynamodb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/compute"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/eventing"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/settings"
)

// ReceiverArgs describe the receiver.
type ReceiverArgs struct {
	// Names and Scope give every name and ARN.
	Names naming.Namer
	Scope naming.Scope
	// Repository is whose pushes are accepted.
	Repository settings.Repository
	// Secret is what they are signed with.
	Secret *Secret
	// BusName is the delivery bus.
	BusName pulumi.StringInput
	// KeyARN is the KMS key of the secret and the log group.
	KeyARN string
	// Code is the receiver's binary.
	Code compute.Code
	// Tags are put on everything.
	Tags pulumi.StringMap
}

// Receiver is the function that checks deliveries, with its table.
type Receiver struct {
	pulumi.ResourceState

	// Function is the function.
	Function *compute.Function
}

func (a *ReceiverArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("receiver %s has no arguments", name)
	}
	var errs []error
	if a.Secret == nil || a.BusName == nil {
		errs = append(errs, fmt.Errorf("receiver %s needs Secret and BusName", name))
	}
	if a.Repository.Owner == "" || a.Repository.Name == "" || a.Repository.Branch == "" {
		errs = append(errs, fmt.Errorf("receiver %s has no repository: set Repository", name))
	}
	return errors.Join(errs...)
}

// NewReceiver makes the receiver.
func NewReceiver(ctx *pulumi.Context, name string, args *ReceiverArgs, opts ...pulumi.ResourceOption) (*Receiver, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	r := &Receiver{}
	if err := ctx.RegisterComponentResource("pipeline:webhook:Receiver", name, r, opts...); err != nil {
		return nil, err
	}
	// The table holds hashes of bodies, ids of deliveries and dates, so that
	// DynamoDB's own encryption does.
	table, err := dynamodb.NewTable(ctx, name+"-deliveries", &dynamodb.TableArgs{
		Name:        pulumi.String(args.Names.Of(naming.DeliveriesTable)),
		BillingMode: pulumi.String("PAY_PER_REQUEST"),
		HashKey:     pulumi.String(contract.DeliveriesKey),
		Attributes: dynamodb.TableAttributeArray{dynamodb.TableAttributeArgs{
			Name: pulumi.String(contract.DeliveriesKey), Type: pulumi.String("S"),
		}},
		Ttl:  dynamodb.TableTtlArgs{AttributeName: pulumi.String(contract.DeliveriesTTL), Enabled: pulumi.Bool(true)},
		Tags: args.Tags,
	}, pulumi.Parent(r), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, err
	}
	r.Function, err = compute.NewFunction(ctx, name, &compute.FunctionArgs{
		Names:       args.Names,
		Kinds:       compute.FunctionKinds{Function: naming.ReceiverFunction, Role: naming.ReceiverRole, Policy: naming.ReceiverPolicy, Logs: naming.ReceiverLogs},
		Description: "Checks webhook deliveries and puts pushes on the delivery bus",
		Code:        args.Code,
		Policy:      policy(args),
		KeyARN:      args.KeyARN,
		Environment: pulumi.StringMap{
			contract.EnvRepository:      pulumi.String(args.Repository.FullName()),
			contract.EnvBranch:          pulumi.String(args.Repository.Branch),
			contract.EnvBusName:         args.BusName,
			contract.EnvSecret:          args.Secret.ARN,
			contract.EnvDeliveriesTable: table.Name,
		},
		TimeoutSeconds: 10, // GitHub waits no longer
		Tags:           args.Tags,
	}, pulumi.Parent(r), pulumi.DependsOn(args.Secret.Ready))
	if err != nil {
		return nil, err
	}
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{"function": r.Function.ARN})
}

// policy is all that the receiver may do. It is computed because the ARN of a
// secret is not known from its name.
func policy(a *ReceiverArgs) pulumi.StringOutput {
	return a.Secret.ARN.ApplyT(func(secretARN string) (string, error) {
		return iampolicy.New(
			compute.Logging(a.Scope.LogGroup(a.Names.Of(naming.ReceiverLogs))),
			iampolicy.Allow("secretsmanager:GetSecretValue").Named("Secret").On(secretARN),
			iampolicy.Allow("kms:Decrypt").Named("SecretKey").On(a.KeyARN).
				When(iampolicy.StringEquals("kms:ViaService", "secretsmanager."+a.Scope.Region+".amazonaws.com")),
			iampolicy.Allow("dynamodb:UpdateItem").Named("Deliveries").
				On(a.Scope.Table(a.Names.Of(naming.DeliveriesTable))),
			eventing.Publisher{Source: contract.PushSource, DetailType: contract.PushDetailType}.
				Allow(a.Scope.Bus(a.Names.Of(naming.DeliveryBus))).Named("Push"),
		).JSON()
	}).(pulumi.StringOutput)
}
