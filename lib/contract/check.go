package contract

import "regexp"

var (
	commitID   = regexp.MustCompile(`^[0-9a-f]{40}$`)
	deliveryID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	login      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?$`)
)

// IsCommit says whether s is a full commit id, SHA-1 as GitHub uses it.
func IsCommit(s string) bool { return commitID.MatchString(s) }

// IsDeliveryID says whether s is what GitHub gives as X-GitHub-Delivery, "a
// globally unique identifier". See
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
func IsDeliveryID(s string) bool { return deliveryID.MatchString(s) }

// IsPusher says whether s is a GitHub login, or Unset. A login has letters,
// digits and hyphens, that of a managed user an underscore and the enterprise's
// short code, and that of an app ends in [bot]. See
// https://docs.github.com/en/admin/managing-iam/iam-configuration-reference/username-considerations-for-external-authentication
func IsPusher(s string) bool { return login.MatchString(s) }
