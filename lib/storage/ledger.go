package storage

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// LedgerArgs describe the ledger.
type LedgerArgs struct {
	// Names gives the bucket's physical name.
	Names naming.Namer
	// KeyARN is the KMS key.
	KeyARN string
	// Writers say who writes the records of each environment.
	Writers []Writer
	// Operators are the ARNs that may delete records, when the platform is
	// destroyed.
	Operators []string
	// Tags are put on the bucket.
	Tags pulumi.StringMap
}

// Writer says who writes the records of an environment.
type Writer struct {
	// Environment is whose records they are.
	Environment naming.Environment
	// RoleARNs are the roles that write them.
	RoleARNs []string
}

// Ledger is the bucket of the ledger: one object per commit and environment
// that says what was deployed. The bucket's policy keeps it truthful: only the
// deploy build of an environment writes that environment's part, whatever other
// rights somebody has.
type Ledger struct {
	pulumi.ResourceState

	// Bucket is the bucket's name, ARN its ARN.
	Bucket, ARN pulumi.StringOutput
	// Ready are the resources that must exist before anybody writes to it.
	Ready []pulumi.Resource
}

func (a *LedgerArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("ledger %s has no arguments", name)
	}
	var errs []error
	if len(a.Writers) == 0 {
		errs = append(errs, fmt.Errorf("ledger %s has no writer: set Writers", name))
	}
	for _, w := range a.Writers {
		if len(w.RoleARNs) == 0 {
			errs = append(errs, fmt.Errorf("ledger %s has no writer for %s: set its RoleARNs", name, w.Environment))
		}
	}
	if a.KeyARN == "" || len(a.Operators) == 0 {
		errs = append(errs, fmt.Errorf("ledger %s needs KeyARN and Operators", name))
	}
	return errors.Join(errs...)
}

// NewLedger makes the ledger.
func NewLedger(ctx *pulumi.Context, name string, args *LedgerArgs, opts ...pulumi.ResourceOption) (*Ledger, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	l := &Ledger{}
	if err := ctx.RegisterComponentResource("pipeline:ledger:Ledger", name, l, opts...); err != nil {
		return nil, err
	}
	b, err := NewBucket(ctx, name, &BucketArgs{
		Names:      args.Names,
		Kind:       naming.LedgerBucket,
		KeyARN:     pulumi.String(args.KeyARN),
		Expire:     Lifecycle{IncompleteUploadDays: incompleteUploadDays}, // records and their versions stay
		Statements: ledgerPolicy(args),
		Tags:       args.Tags,
	}, pulumi.Parent(l))
	if err != nil {
		return nil, err
	}
	l.Bucket, l.ARN, l.Ready = b.Name, b.ARN, b.Ready
	return l, ctx.RegisterResourceOutputs(l, pulumi.Map{"bucket": l.Bucket})
}

// ledgerPolicy refuses what would falsify the ledger. aws:PrincipalArn of a session
// is the ARN of its role.
func ledgerPolicy(args *LedgerArgs) []iampolicy.Statement {
	arn := naming.Scope{}.Bucket(args.Names.Of(naming.LedgerBucket))
	var out []iampolicy.Statement
	for _, w := range args.Writers {
		// A statement's id has no hyphen, and names differ by more than hyphens.
		out = append(out, iampolicy.Deny("s3:PutObject").Named("Write"+strings.ReplaceAll(string(w.Environment), "-", "")).ToEveryone().
			On(arn+"/"+contract.LedgerPrefix(string(w.Environment))+"*").
			When(iampolicy.Is("StringNotEquals", "aws:PrincipalArn", w.RoleARNs...)))
	}
	return append(out, iampolicy.Deny("s3:DeleteObject", "s3:DeleteObjectVersion").Named("Delete").ToEveryone().
		On(arn+"/*").
		When(iampolicy.Is("StringNotEquals", "aws:PrincipalArn", args.Operators...)))
}
