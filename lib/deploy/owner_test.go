package deploy

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"delivery.internal/lib/contract"
)

// owners keeps which owner each call expects. It fails every call.
type owners struct{ expected map[string]string }

func (o *owners) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	o.expected["GetObject"] = aws.ToString(in.ExpectedBucketOwner)
	return nil, context.Canceled
}

func (o *owners) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	o.expected["PutObject"] = aws.ToString(in.ExpectedBucketOwner)
	return nil, context.Canceled
}

func (o *owners) DeleteObject(_ context.Context, in *s3.DeleteObjectInput, _ ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	o.expected["DeleteObject"] = aws.ToString(in.ExpectedBucketOwner)
	return nil, context.Canceled
}

func (o *owners) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	o.expected["ListObjectsV2"] = aws.ToString(in.ExpectedBucketOwner)
	return nil, context.Canceled
}

// TestTheDeployerExpectsItsBucketsToBelongToTheDeliveryAccount: a bucket that
// was removed and made again by a stranger must not get a record.
func TestTheDeployerExpectsItsBucketsToBelongToTheDeliveryAccount(t *testing.T) {
	t.Parallel()
	o := &owners{expected: map[string]string{}}
	account := Settings{SecretsKey: testKey}.DeliveryAccount()
	ledger, objects := BucketLedger{API: o, Bucket: ledgerBucket, Owner: account}, BucketObjects{API: o, Bucket: stateBucket, Owner: account}
	require.Error(t, ledger.Record(t.Context(), contract.Deployment{}))
	_, _, err := ledger.Find(t.Context(), "dev", "commit")
	require.Error(t, err)
	require.Error(t, objects.Remove(t.Context(), "key"))
	_, err = objects.Read(t.Context(), "key")
	require.Error(t, err)
	_, err = objects.List(t.Context(), "prefix/")
	require.Error(t, err)
	require.Equal(t, map[string]string{"GetObject": "111122223333", "PutObject": "111122223333", "DeleteObject": "111122223333", "ListObjectsV2": "111122223333"}, o.expected)
}

// TestEveryCallOfOursInS3NamesTheOwnerThatItExpects reads the product's code.
func TestEveryCallOfOursInS3NamesTheOwnerThatItExpects(t *testing.T) {
	t.Parallel()
	calls := 0
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "rehearsal":
			return fs.SkipDir // it plays S3
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if input, ok := n.(*ast.CompositeLit); ok && isS3Input(input) {
				calls++
				require.True(t, hasField(input, "ExpectedBucketOwner"), "%s: a call of %s", path, input.Type.(*ast.SelectorExpr).Sel.Name)
			}
			return true
		})
		return nil
	}))
	require.GreaterOrEqual(t, calls, 5)
}

func isS3Input(l *ast.CompositeLit) bool {
	s, ok := l.Type.(*ast.SelectorExpr)
	if !ok || !strings.HasSuffix(s.Sel.Name, "Input") {
		return false
	}
	pkg, ok := s.X.(*ast.Ident)
	return ok && pkg.Name == "s3"
}

func hasField(l *ast.CompositeLit, field string) bool {
	return slices.ContainsFunc(l.Elts, func(e ast.Expr) bool {
		kv, ok := e.(*ast.KeyValueExpr)
		return ok && kv.Key.(*ast.Ident).Name == field
	})
}
