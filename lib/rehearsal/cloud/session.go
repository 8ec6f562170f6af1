package cloud

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/arns"
	"delivery.internal/lib/aws/typetoken"
	"delivery.internal/lib/iam"
)

// Session is a set of temporary credentials of a role.
type Session struct {
	AccessKeyID, SecretKey, Token string
	Account                       string
	Role                          *Resource
	Name                          string // role session name
	Principal                     iam.Principal
	Expires                       time.Time
}

// ARN returns the session's ARN, as GetCallerIdentity would.
func (s *Session) ARN() string { return s.Principal.ARN }

// Env returns the credentials as environment variables.
func (s *Session) Env() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + s.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + s.SecretKey,
		"AWS_SESSION_TOKEN=" + s.Token,
	}
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return strings.TrimRight(base32.StdEncoding.EncodeToString(b), "=")
}

// Issue creates credentials of a role without asking its trust policy: for the
// operator, and for services after they checked trust (see AssumeFor).
func (c *Cloud) Issue(roleARN, name string, lifetime time.Duration) (*Session, error) {
	role := c.ByARN(roleARN)
	if role == nil || role.Type != typetoken.Role {
		return nil, apierr.BadRequest("ValidationError", "role %s does not exist", roleARN)
	}
	s := &Session{
		AccessKeyID: "ASIA" + random(10), SecretKey: random(25), Token: random(40),
		Account: role.Account, Role: role, Name: name, Expires: c.Now().Add(lifetime),
		Principal: iam.Principal{
			Kind:         iam.Role,
			ARN:          arns.Session(role.Account, role.Name, name),
			PrincipalARN: roleARN,
			Account:      role.Account,
		},
	}
	c.mu.Lock()
	c.sessions[s.AccessKeyID] = s
	c.mu.Unlock()
	return s, nil
}

// Operator returns credentials of the account's operator.
func (c *Cloud) Operator(account string) *Session {
	s, err := c.Issue(arns.Role(account, "Operator"), "rehearsal", 12*time.Hour)
	if err != nil {
		panic(err) // the seeds make it exist
	}
	return s
}

// Session returns the session of an access key id, nil where there is none.
func (c *Cloud) Session(accessKeyID string) *Session {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.sessions[accessKeyID]
}

// AssumeRole is sts:AssumeRole: it checks the caller's identity policy and the
// role's trust policy, in both accounts where they differ.
func (c *Cloud) AssumeRole(caller *Session, roleARN, name, externalID string, lifetime time.Duration) (*Session, error) {
	ctx := map[string][]string{"sts:RoleSessionName": {name}}
	if externalID != "" {
		ctx["sts:ExternalId"] = []string{externalID}
	}
	if err := c.Authorize(Call{Session: caller, Action: "sts:AssumeRole", Resource: roleARN, Context: ctx}); err != nil {
		return nil, err
	}
	if role := c.ByARN(roleARN); role != nil {
		limit := time.Hour
		if n, ok := role.Value("maxSessionDuration").(float64); ok && n > 0 {
			limit = time.Duration(n) * time.Second
		}
		if caller.Principal.Kind == iam.Role {
			limit = min(limit, time.Hour) // role chaining: at most one hour
		}
		if lifetime > limit {
			return nil, apierr.BadRequest("ValidationError", "the requested DurationSeconds exceeds the MaxSessionDuration set for this role (%s > %s)", lifetime, limit)
		}
	}
	return c.Issue(roleARN, name, lifetime)
}

// AssumeFor gives a service the session of a role, after its trust policy
// allowed the service: as Lambda, CodeBuild and EventBridge do.
func (c *Cloud) AssumeFor(service, roleARN, name string, context map[string][]string) (*Session, error) {
	if err := c.Authorize(Call{Service: service, Action: "sts:AssumeRole", Resource: roleARN, Context: context}); err != nil {
		return nil, err
	}
	return c.Issue(roleARN, name, time.Hour)
}

// OrganizationRole is what AWS Organizations makes in every account that it
// creates. It trusts the organization's management account and no other. See
// RoleName in https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
const OrganizationRole = "OrganizationAccountAccessRole"

// ManagementAccount is the organization's, which the rehearsal has no part in.
const ManagementAccount = "444455556666"

// AdminRole is the role that somebody made in each target account for whoever
// sets the platform up from the delivery account.
const AdminRole = "PlatformAdministrator"

// seed creates what an account has before anything is deployed.
func (c *Cloud) seed() {
	c.seedRole(DeliveryAccount, "Operator", DeliveryAccount, everything)
	for _, account := range Accounts() {
		if account != DeliveryAccount {
			c.OpenAccount(account)
		}
	}
}

// OpenAccount adds a target account with its roles; it must be new.
func (c *Cloud) OpenAccount(account string) {
	c.seedRole(account, "Operator", account, everything)
	c.seedRole(account, OrganizationRole, ManagementAccount, everything)
	c.seedRole(account, AdminRole, DeliveryAccount, everything)
}

const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

func (c *Cloud) seedRole(account, name, trusted, policy string) {
	trust := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},"Action":"sts:AssumeRole"}]}`, arns.Root(trusted))
	arn := arns.Role(account, name)
	for _, r := range []*Resource{
		{Type: typetoken.Role, ID: name, Account: account, ARN: arn, Name: name, Seed: true, Inputs: map[string]any{"name": name, "assumeRolePolicy": trust, "maxSessionDuration": 43200.0}},
		{Type: typetoken.RolePolicy, ID: name + ":all", Account: account, Name: "all", Seed: true, Inputs: map[string]any{"role": name, "name": "all", "policy": policy}},
	} {
		if err := c.Add(r); err != nil {
			panic(err) // a new account is empty
		}
	}
}
