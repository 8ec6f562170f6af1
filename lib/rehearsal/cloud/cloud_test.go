package cloud

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"delivery.internal/lib/aws/typetoken"
)

func role(account, name string) *Resource {
	return &Resource{Type: "test:Thing", ID: name, Name: name, Account: account, ARN: "arn:aws:test:::" + account + "/" + name, Inputs: map[string]any{"list": []any{map[string]any{"name": name}}}}
}

func TestResourcesAreFoundByWhatTheyAre(t *testing.T) {
	t.Parallel()
	c := New()
	require.Empty(t, c.Deployed(), "what an account has from the start was not deployed")
	require.NoError(t, c.Add(role(DevAccount, "a")))
	require.NoError(t, c.Add(role(ProdAccount, "a")), "another account")
	require.ErrorContains(t, c.Add(role(DevAccount, "a")), "already exists")
	require.Len(t, c.Find("", "test:Thing", nil), 2)
	require.Equal(t, DevAccount, c.ByARN("arn:aws:test:::"+DevAccount+"/a").Account)
	require.Nil(t, c.ByARN(""))
	require.Equal(t, "a", c.Get(DevAccount, "test:Thing", "a").Str("list.0.name"))
	require.Empty(t, c.Get(DevAccount, "test:Thing", "a").Str("list.1.name"))
	require.True(t, c.Remove(DevAccount, "test:Thing", "a"))
	require.False(t, c.Remove(DevAccount, "test:Thing", "a"))
}

// A match that looks resources up must not wait behind a writer.
func TestAMatchMayLookResourcesUp(t *testing.T) {
	t.Parallel()
	c := New()
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() { _ = c.Add(role(DevAccount, fmt.Sprint(i))) })
		group.Go(func() {
			c.Find("", "test:Thing", func(r *Resource) bool { return c.ByARN(r.ARN) != nil })
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("deadlock")
	}
	require.Len(t, c.Deployed(), 50)
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	c := New()
	s := c.Operator(DeliveryAccount)
	call := Call{Session: s, Action: "s3:ListAllMyBuckets", Resource: "*"}
	require.NoError(t, c.Authorize(call))
	c.Now = func() time.Time { return time.Now().Add(13 * time.Hour) }
	require.ErrorContains(t, c.Authorize(call), "ExpiredToken")
	allowed, denied := c.Counts()
	require.Equal(t, 1, allowed)
	require.Len(t, denied, 1)
}

func TestAdministratorsOfATargetTrustTheDeliveryAccountOnly(t *testing.T) {
	t.Parallel()
	c := New()
	admin := "arn:aws:iam::" + ProdAccount + ":role/" + AdminRole
	s, err := c.AssumeRole(c.Operator(DeliveryAccount), admin, "test", "", time.Hour)
	require.NoError(t, err)
	require.Equal(t, ProdAccount, s.Account)
	_, err = c.AssumeRole(c.Operator(DevAccount), admin, "test", "", time.Hour)
	require.ErrorContains(t, err, "sts:AssumeRole")
	_, err = c.AssumeRole(c.Operator(DeliveryAccount), admin, "test", "", 2*time.Hour)
	require.ErrorContains(t, err, "DurationSeconds")
}

func TestTheOrganizationsRoleIsForItsManagementAccountOnly(t *testing.T) {
	t.Parallel()
	c := New()
	for _, account := range Accounts() {
		_, err := c.AssumeRole(c.Operator(account), "arn:aws:iam::"+StagingAccount+":role/"+OrganizationRole, "test", "", time.Hour)
		require.ErrorContains(t, err, "sts:AssumeRole", "from %s", account)
	}
}

func TestFaultsStrikeAsOftenAsTheyShould(t *testing.T) {
	t.Parallel()
	c := New()
	f := c.Inject(Fault{Service: "s3", Operation: "PutObject", Resource: "state", Times: 2})
	require.Nil(t, c.Strike("s3", "GetObject", "state"))
	require.Nil(t, c.Strike("s3", "PutObject", "other"))
	require.NotNil(t, c.Strike("s3", "PutObject", "a-state-b"))
	require.NotNil(t, c.Strike("s3", "PutObject", "state"))
	require.Nil(t, c.Strike("s3", "PutObject", "state"))
	require.Equal(t, 2, f.Struck)
}

// An inline policy has no name of its own in the table, only as an input.
func TestADenialNamesTheInlinePolicy(t *testing.T) {
	t.Parallel()
	c := New()
	arn := "arn:aws:iam::" + DevAccount + ":role/worker"
	require.NoError(t, c.Add(&Resource{Type: typetoken.Role, ID: "worker", Name: "worker", Account: DevAccount, ARN: arn, Inputs: map[string]any{}}))
	require.NoError(t, c.Add(&Resource{Type: typetoken.RolePolicy, ID: "worker:rights", Account: DevAccount, Inputs: map[string]any{
		"role": "worker", "name": "rights", "policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::box/a"}]}`,
	}}))
	s, err := c.Issue(arn, "test", time.Hour)
	require.NoError(t, err)
	err = c.Authorize(Call{Session: s, Action: "s3:GetObject", Resource: "arn:aws:s3:::box/b"})
	require.ErrorContains(t, err, "identity policy (rights)")
}
