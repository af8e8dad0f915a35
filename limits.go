package exauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A QuotaSetter is a Limiter that takes other limits while it works: the venue's
// own of today, or those of another plan. What was counted so far stays counted.
type QuotaSetter interface{ SetQuotas([]Quota) }

// LoadLimits asks the venue for the quotas of today and of this account, and gives
// them to the client's limiter if that is a QuotaSetter. Venues that cannot be asked
// yield what their table says. The slice is the caller's.
//
// Published numbers change without notice and differ between accounts: call it at
// start-up (Check does) and once a day.
func (c *Client) LoadLimits(ctx context.Context) ([]Quota, error) {
	core := c.core()
	if core.venue.Limits == nil {
		return slices.Clone(core.venue.Quotas), nil
	}
	quotas, err := core.venue.Limits(ctx, c)
	if err == nil {
		err = checkQuotas(quotas)
	}
	if err != nil {
		return nil, fmt.Errorf("exauth: limits of %s: %w", core.venue.Name, err)
	}
	if s, ok := core.opts.Limiter.(QuotaSetter); ok {
		s.SetQuotas(slices.Clone(quotas))
	}
	return quotas, nil
}

// maxLimit is more than any venue allows; a larger number is a mistake or worse.
const maxLimit = 1_000_000_000

// checkQuotas refuses limits that came over the wire and make no sense: a limiter
// would obey them.
func checkQuotas(quotas []Quota) error {
	seen := make(map[string]bool, len(quotas))
	for _, q := range quotas {
		switch windowed := q.Kind <= SlidingWindow; {
		case q.Name == "" || seen[q.Name]:
			return fmt.Errorf("%w: quota %q is listed twice, or has no name", ErrParam, q.Name)
		case q.Limit <= 0 || q.Limit > maxLimit:
			return fmt.Errorf("%w: quota %q has a limit of %d", ErrParam, q.Name, q.Limit)
		case windowed && q.Window <= 0:
			return fmt.Errorf("%w: quota %q has no window", ErrParam, q.Name)
		case (q.Kind == DecayCounter || q.Kind == TokenBucket) && !(q.Refill > 0):
			return fmt.Errorf("%w: quota %q is never refilled", ErrParam, q.Name)
		}
		seen[q.Name] = true
	}
	return nil
}

// underPlan adds to a limiter's refusal whose quotas it obeyed: a plan that is not
// the account's is the first thing to look at.
func (c *core) underPlan(err error) error {
	if c.venue.Tier == "" || !errors.Is(err, ErrRateLimited) {
		return err
	}
	if e, ok := err.(*Error); ok {
		dup := *e
		dup.Message = strings.TrimPrefix(dup.Message+" (quotas of plan "+c.venue.Tier+")", " ")
		return &dup
	}
	return fmt.Errorf("%w (quotas of plan %s)", err, c.venue.Tier)
}
