package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// The picture: a panel for each client, with the part of each minute's quota that
// was used as steps that rise within the minute, and refused calls as bars.
const (
	width, panel = 860, 190
	left, right  = 56, 26
	top, gap     = 34, 34
)

// draw writes an SVG of some histories, one below the other.
func draw(w io.Writer, all ...*history) error {
	var b strings.Builder
	height := len(all)*(panel+top+gap) + 10
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	most := 1
	for _, h := range all {
		for _, r := range h.refusals {
			most = max(most, r)
		}
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" fill="#666666">blue: used of each minute's quota, red: refusals a second</text>`+"\n", width-right, top-12)
	for i, h := range all {
		h.draw(&b, i*(panel+top+gap)+top, most)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// draw adds one panel whose upper edge is at y; most refusals a second fill it.
func (h *history) draw(b *strings.Builder, y, most int) {
	inner := float64(width - left - right)
	at := func(second int) float64 { return left + inner*float64(second)/float64(len(h.used)) }
	level := func(part float64) float64 { return float64(y+panel) - part*panel }

	fmt.Fprintf(b, `<text x="%d" y="%d" font-size="14" fill="#222222">%s: <tspan fill="#c0392b">%d of %d calls refused</tspan></text>`+"\n",
		left, y-12, h.name, h.refused(), h.answered)
	for _, p := range []float64{0, 0.5, 1} {
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#dddddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#666666">%.0f %%</text>`+"\n",
			left, width-right, level(p), level(p), left-6, level(p)+4, 100*p)
	}
	fmt.Fprintf(b, `<path d="%s" fill="#2e86c1" fill-opacity="0.35" stroke="#2e86c1"/>`+"\n", h.steps(at, level))
	for second, r := range h.refusals {
		if r > 0 {
			fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#c0392b" stroke-width="1.5"/>`+"\n",
				at(second), at(second), level(0), level(float64(r)/float64(most)))
		}
	}
	for m := 0; m <= int(h.span/time.Minute); m += 3 {
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#666666">%d min</text>`+"\n", at(m*60), y+panel+18, m)
	}
}

// steps is the use of the quota, which begins afresh with every minute of the
// exchange's clock.
func (h *history) steps(at func(int) float64, level func(float64) float64) string {
	var p strings.Builder
	fmt.Fprintf(&p, "M%.1f %.1f", at(0), level(0))
	used := 0
	for second, n := range h.used {
		if second%60 == 0 {
			used = 0
			fmt.Fprintf(&p, "V%.1f", level(0))
		}
		used += n
		fmt.Fprintf(&p, "V%.1fH%.1f", level(float64(used)/limit), at(second+1))
	}
	fmt.Fprintf(&p, "V%.1fZ", level(0))
	return p.String()
}
