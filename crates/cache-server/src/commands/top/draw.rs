//! What `top` shows, drawn from its model: any size, and any terminal.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, BorderType, Padding, Paragraph, Sparkline},
};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::{
    model::Model,
    panel_table::{Column, PanelTable, cut, fitting, too_narrow},
};
use crate::commands::{
    output::{bytes, count, duration_ms, maybe, millis, percent, printable},
    stats::{ProviderState, provider_state},
};

/// The least width of a screen on which panels have room for a figure.
const NARROWEST: u16 = 32;

/// From this width on panels stand side by side.
const WIDE: u16 = 110;
/// The lowest height of a narrow screen in which there is room for all, and in which there is for providers.
const TALL: u16 = 26;
const MIDDLING: u16 = 20;

pub(super) const DIM: Style = Style::new().fg(Color::DarkGray);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const GOOD: Style = Style::new().fg(Color::Green);
const WARN: Style = Style::new().fg(Color::Yellow);
const BAD: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
const ACCENT: Style = Style::new().fg(Color::Cyan);

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let width = frame.area().width;
    if width < NARROWEST {
        return frame.render_widget(too_narrow(NARROWEST, width), frame.area());
    }
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(header(model, width), head);
    frame.render_widget(footer(model, width), foot);
    let tiers = u16::try_from(model.places().len()).unwrap_or(1) + 3;
    let providers = u16::try_from(model.providers().len()).unwrap_or(1).min(6) + 3;
    if width >= WIDE {
        let rows = [
            Constraint::Length(7),
            Constraint::Length(tiers.max(6)),
            Constraint::Min(4),
            Constraint::Length(providers),
        ];
        let [top, middle, below, bottom] = Layout::vertical(rows).areas(body);
        let halves =
            |area| Layout::horizontal([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(area);
        let ([reads, rates], [tiers, misses], [kinds, hot]) = (halves(top), halves(middle), halves(below));
        draw_reads(frame, model, reads);
        frame.render_widget(rates_panel(model, rates), rates);
        draw_tiers(frame, model, tiers);
        draw_misses(frame, model, misses);
        draw_kinds(frame, model, kinds);
        draw_hot_keys(frame, model, hot);
        draw_providers(frame, model, bottom);
    } else {
        let from =
            |least: u16, height: u16| Constraint::Length(if body.height >= least { height } else { 0 });
        let rows = [
            Constraint::Length(7),
            Constraint::Length(tiers),
            from(TALL, 6),
            Constraint::Min(4),
            from(MIDDLING, providers),
        ];
        let [rates, tiers, misses, kinds, providers] = Layout::vertical(rows).areas(body);
        frame.render_widget(rates_panel(model, rates), rates);
        draw_tiers(frame, model, tiers);
        draw_misses(frame, model, misses);
        draw_kinds(frame, model, kinds);
        draw_providers(frame, model, providers);
    }
}

fn header(model: &Model, room: u16) -> Line<'_> {
    let (name, url) = (Span::styled(" cache-server ", BOLD), Span::styled(printable(&model.url), ACCENT));
    let states: Vec<Span<'_>> = match &model.gone {
        Some((since, _)) => {
            let seconds = since.elapsed().as_millis();
            let gone = duration_ms(u64::try_from(seconds).unwrap_or(u64::MAX));
            let said = [
                format!("GONE for {gone}: these figures are old"),
                format!("GONE for {gone}"),
                "GONE".into(),
            ];
            said.map(|said| Span::styled(said, BAD)).into()
        }
        None => vec![Span::styled("live", GOOD)],
    };
    // A part of the address would be another one.
    let heads = [
        vec![name.clone(), url.clone(), "  ".into()],
        vec![" ".into(), url, "  ".into()],
        vec![name],
        vec![],
    ];
    let lines = heads.iter().flat_map(|head| {
        states.iter().map(|state| Line::from(head.iter().chain([state]).cloned().collect::<Vec<_>>()))
    });
    lines.into_iter().find(|line| line.width() <= usize::from(room)).unwrap_or_default()
}

fn footer(model: &Model, room: u16) -> Line<'static> {
    match &model.gone {
        Some((_, why)) => Line::styled(cut(&format!(" {}", printable(&why.replace('\n', " "))), room), WARN),
        None => {
            let every = model.interval.as_secs_f64();
            let said = [
                format!(" q quits · every {every} s · rates are of the last 10 s"),
                format!(" q quits · every {every} s"),
                " q quits".to_owned(),
            ];
            Line::styled(fitting(said, room), DIM)
        }
    }
}

fn panel(title: &str) -> Block<'_> {
    let title = Span::styled(format!(" {title} "), BOLD);
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(DIM)
        .padding(Padding::horizontal(1))
        .title(title)
}

fn draw_reads(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let most = model.history.iter().max().copied().unwrap_or_default();
    let rate = model.per_second("reads");
    let said = [format!(" {rate:.1} reads/s · up to {} ", count(most)), format!(" {rate:.1} reads/s ")];
    let title = beside("Reads", said, area);
    let block = panel("Reads").title(title);
    let room = usize::from(area.width.saturating_sub(4));
    let shown: Vec<u64> =
        model.history.iter().skip(model.history.len().saturating_sub(room)).copied().collect();
    frame.render_widget(Sparkline::default().block(block).data(&shown).style(ACCENT), area);
}

/// Returns what stands to the right of a panel's title, as far as there is room.
fn beside(title: &str, said: impl IntoIterator<Item = String>, area: Rect) -> Line<'static> {
    let taken = u16::try_from(title.len()).unwrap_or(u16::MAX).saturating_add(5);
    Line::styled(fitting(said, area.width.saturating_sub(taken)), DIM).right_aligned()
}

/// The hit rate with what it is of, and how the other reads ended.
fn rates_panel(model: &Model, area: Rect) -> Paragraph<'static> {
    let block = panel("Hit rate");
    let room = block.inner(area).width;
    let (minute, all) = (model.summary("last_minute"), model.summary("since_start"));
    let number = |value: &Value| maybe(value, |number| count(number as u64));
    let rate = |summary: &Value| maybe(&summary["hit_rate"], percent);
    let style = match minute["hit_rate"].as_f64() {
        Some(low) if low < 0.5 => BAD,
        Some(middling) if middling < 0.8 => WARN,
        _ => GOOD,
    };
    let (rate_now, reads) = (format!("{} ", rate(minute)), number(&minute["reads"]));
    let left = room.saturating_sub(u16::try_from(rate_now.len()).unwrap_or(u16::MAX));
    let said =
        [format!("of {reads} reads in the last minute"), format!("of {reads} reads"), "of reads".to_owned()];
    let since = format!("{} of {}", rate(all), number(&all["reads"]));
    let pair = |name: &str, now: String, since: String| {
        let both = format!("{name:<12}{now:>12} {since:>16}");
        if both.width() <= usize::from(room) {
            return Line::from(vec![
                Span::styled(format!("{name:<12}"), DIM),
                Span::raw(format!("{now:>12} ")),
                Span::styled(format!("{since:>16}"), DIM),
            ]);
        }
        Line::from(fitting([format!("{name:<12}{now:>12}"), format!("{name} {now}")], room))
    };
    let lines = vec![
        Line::from(vec![
            Span::styled(fitting([rate_now], room), style.add_modifier(Modifier::BOLD)),
            Span::raw(fitting(said, left)),
        ]),
        Line::styled(fitting([format!("{since} since the start"), since], room), DIM),
        pair("missed", number(&minute["misses"]), number(&all["misses"])),
        pair("stale", number(&minute["stale"]), number(&all["stale"])),
        pair("waited", maybe(&minute["waited_ms"], millis), maybe(&all["waited_ms"], millis)),
    ];
    Paragraph::new(lines).block(block)
}

fn draw_tiers(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let mut table = PanelTable::new([
        Column::name("place", 0),
        Column::figure("hits/s", 1),
        Column::figure("hits", 4),
        Column::figure("entries", 5),
        Column::figure("size", 3),
        Column::word("state", 2),
    ]);
    for place in model.places() {
        let size = match (place.size, place.budget) {
            (Some(size), Some(budget)) => format!("{} of {}", bytes(size), bytes(budget)),
            (Some(size), None) => bytes(size),
            _ => "-".to_owned(),
        };
        let state = match (place.errors, place.pending) {
            (0, 0) => ("ok".to_owned(), GOOD),
            (errors, 0) => (format!("{} errors", count(errors)), WARN),
            (_, pending) => (format!("{} pending", count(pending)), BAD),
        };
        table.row([
            plain(place.name),
            plain(format!("{:.1}", place.hits_per_second)),
            plain(count(place.hits)),
            plain(place.entries.map_or_else(|| "-".to_owned(), count)),
            plain(size),
            state,
        ]);
    }
    table.draw(frame, panel("Tiers"), area);
}

fn draw_misses(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let misses = model.misses();
    let all = misses.iter().fold(0_u64, |all, (_, number, _)| all.saturating_add(*number));
    let mut table = PanelTable::new([
        Column::name("cause", 0),
        Column::figure("misses/s", 1),
        Column::figure("since start", 3),
        Column::figure("share", 2),
    ]);
    for (cause, number, rate) in &misses {
        table.row([
            plain(cause.clone()),
            plain(format!("{rate:.1}")),
            plain(count(*number)),
            plain(percent(*number as f64 / all.max(1) as f64)),
        ]);
    }
    table.draw(frame, panel("Missed in memory"), area);
}

fn draw_kinds(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let mut table = PanelTable::new([
        Column::name("kind", 0),
        Column::figure("reads/min", 2),
        Column::figure("hit rate", 1),
        Column::figure("p50", 4),
        Column::figure("p99", 3),
    ]);
    for kind in model.kinds() {
        let (minute, waits) = (&kind["last_minute"], &kind["waits"]);
        let wait = |quantile: &str| match waits["count"].as_u64() {
            Some(0) | None => plain("-"),
            Some(_) => plain(maybe(&waits[quantile], millis)),
        };
        table.row([
            plain(kind["kind"].as_str().unwrap_or("-")),
            plain(maybe(&minute["reads"], |reads| count(reads as u64))),
            plain(maybe(&minute["hit_rate"], percent)),
            wait("p50"),
            wait("p99"),
        ]);
    }
    let said = beside("Kinds", [" wait of what memory lacks ".to_owned()], area);
    table.draw(frame, panel("Kinds").title(said), area);
}

fn draw_hot_keys(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let mut table = PanelTable::new([
        Column::name("key", 0),
        Column::figure("share", 1),
        Column::figure("reads, about", 2),
    ]);
    for hot in model.hot_keys() {
        table.row([
            plain(hot["key"].as_str().unwrap_or("-")),
            plain(maybe(&hot["share"], percent)),
            plain(maybe(&hot["estimated_reads"], |reads| count(reads as u64))),
        ]);
    }
    table.draw(frame, panel("Hot keys"), area);
}

fn draw_providers(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let mut table = PanelTable::new([
        Column::name("provider", 0),
        Column::figure("calls/s", 2),
        Column::figure("calls", 6),
        Column::figure("keys/call", 7),
        Column::figure("failed", 4),
        Column::figure("not made", 5),
        Column::figure("left", 3),
        Column::name("state", 1),
    ]);
    for (provider, rate) in model.providers() {
        let number = |member: &str| plain(maybe(&provider[member], |number| count(number as u64)));
        let state = match provider_state(provider) {
            ProviderState::Healthy => ("healthy".to_owned(), GOOD),
            ProviderState::UsedUp => ("quota used up".to_owned(), WARN),
            ProviderState::Unhealthy(why) => (why.to_owned(), BAD),
        };
        let left = match provider["calls_left"].as_u64() {
            None => ("no quota".to_owned(), DIM),
            Some(0) => ("0".to_owned(), BAD),
            Some(left) => plain(count(left)),
        };
        table.row([
            plain(provider["name"].as_str().unwrap_or("-")),
            plain(format!("{rate:.1}")),
            number("calls"),
            plain(maybe(&provider["keys_per_call"], |keys| format!("{keys:.1}"))),
            number("failures"),
            number("refused"),
            left,
            state,
        ]);
    }
    table.draw(frame, panel("Providers"), area);
}

fn plain(text: impl Into<String>) -> (String, Style) {
    (text.into(), Style::new())
}
