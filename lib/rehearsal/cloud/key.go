package cloud

import (
	"delivery.internal/lib/aws/apierr"
	"delivery.internal/lib/aws/kmskey"
	"delivery.internal/lib/aws/sse"
	"delivery.internal/lib/aws/typetoken"
)

// KeyARN is the ARN of the key that an account means by an id, an ARN or an
// alias, be the key there or not; "" for a key of AWS.
func (c *Cloud) KeyARN(account, ref string) (string, error) {
	r, err := kmskey.Parse(ref)
	if err != nil || r.Managed() {
		return "", err
	}
	arn := r.ARN(Region, account)
	if r.Alias == "" {
		return arn, nil
	}
	alias := c.First("", typetoken.KeyAlias, func(a *Resource) bool { return a.ARN == arn })
	if alias == nil {
		return "", apierr.BadRequest("NotFoundException", "Alias %s is not found.", arn)
	}
	return c.KeyARN(alias.Account, alias.Str("targetKeyId"))
}

// Key is the key that an account means by an id, an ARN or an alias, ready to
// be used; nil for a key of AWS, which always is.
func (c *Cloud) Key(account, ref string) (*Resource, error) {
	arn, err := c.KeyARN(account, ref)
	if err != nil || arn == "" {
		return nil, err
	}
	key := c.ByARN(arn)
	switch {
	case c.PendingDeletion(arn):
		return nil, apierr.BadRequest("KMSInvalidStateException", "%s is pending deletion.", arn)
	case key == nil || key.Type != typetoken.Key:
		return nil, apierr.BadRequest("NotFoundException", "Key '%s' does not exist", arn)
	case key.Value("isEnabled") == false:
		return nil, apierr.BadRequest("DisabledException", "%s is disabled.", arn)
	}
	return key, nil
}

// Encryption is how a bucket encrypts where a write says nothing itself.
func (c *Cloud) Encryption(bucket string) sse.Encryption {
	e := c.First("", typetoken.BucketEncryption, func(e *Resource) bool { return e.Str("bucket") == bucket })
	if e == nil {
		return sse.Encryption{}
	}
	return sse.Encryption{
		Key:       e.Str("rules.0.applyServerSideEncryptionByDefault.kmsMasterKeyId"),
		BucketKey: e.Value("rules.0.bucketKeyEnabled") == true,
	}
}

// UseObjectKey authorises what S3 asks of KMS in the name of whoever reads or
// writes an object.
func (c *Cloud) UseObjectKey(by *Session, action, bucket, key string, own sse.Own) error {
	e := c.Encryption(bucket).With(own)
	if e.Key == "" {
		return nil
	}
	k, err := c.Key(by.Account, e.Key)
	if err != nil || k == nil {
		return err
	}
	return c.Authorize(Call{Session: by, Action: action, Resource: k.ARN, Context: e.Context(Region, by.Account, bucket, key)})
}
