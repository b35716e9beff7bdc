//! `cube count`.
#![expect(clippy::doc_markdown, reason = "these comments are the help texts, which people read as they stand")]

use std::io::Write;

use clap::Args;
use cube::{CalendarPeriod, Search, SearchError};
use serde_json::{Value, json};

use crate::args::{Global, StatusArg, Where};
use crate::output::{Failure, print_json, print_table};
use crate::query;
use crate::stream::Csv;

#[derive(Debug, Args)]
#[command(
    after_help = "With --period a dataset counts in every period that its time overlaps. The periods begin where the time asked for\nbegins; without one they are those of the product's own datasets, with the calendar: months begin on the first."
)]
pub(crate) struct CountArgs {
    /// Names of products, then terms as in `cube search`: landsat8 cloud_cover < 20
    #[arg(value_name = "PRODUCT|EXPR", allow_negative_numbers = true)]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) place: Where,
    /// Count through time, in steps of this: day, month, year, 10 days, 6 months
    #[arg(long, value_name = "PERIOD")]
    pub(crate) period: Option<String>,
    /// Print only the number of all together
    #[arg(long, alias = "count-only", conflicts_with = "period")]
    pub(crate) total: bool,
    /// Active, archived or all datasets
    #[arg(long, value_enum, default_value_t)]
    pub(crate) status: StatusArg,
    /// Print JSON
    #[arg(long, group = "format")]
    pub(crate) json: bool,
    /// Print CSV
    #[arg(long, group = "format")]
    pub(crate) csv: bool,
}

pub(crate) fn run(global: &Global, args: &CountArgs) -> Result<(), Failure> {
    let mut search = names_and_terms(&args.words, &args.place.query)?;
    query::apply_place(&mut search, &args.place)?;
    search.status = super::search::status(args.status);
    if search.limit.is_some() {
        return Err(Failure::Usage("--limit has no meaning for a count: leave it out".to_owned()));
    }
    let period =
        args.period.as_ref().map(|text| text.parse::<CalendarPeriod>()).transpose().map_err(cube::Error::from)?;
    let dc = super::open(global)?;
    if let Some(period) = period {
        let counts = dc.count_through_time(&search, period)?;
        if args.json {
            let one = |c: &cube::PeriodCount| {
                json!({ "product": c.product, "begin": c.period.begin.to_string(), "end": c.period.end.to_string(),
                    "count": c.count })
            };
            return print_json(&counts.iter().map(one).collect::<Vec<_>>().into());
        }
        let rows = counts.iter().map(|c| {
            vec![c.product.clone(), c.period.begin.to_string(), c.period.end.to_string(), c.count.to_string()]
        });
        return printed(args, &["product", "begin", "end", "count"], rows.collect());
    }
    if args.total && !args.json {
        return Ok(writeln!(std::io::stdout(), "{}", dc.count(&search)?)?);
    }
    let counts = dc.count_by_product(&search)?;
    let total: u64 = counts.iter().map(|(_, n)| n).sum();
    if args.json {
        let products: Vec<Value> =
            counts.iter().map(|(product, n)| json!({ "product": product, "count": n })).collect();
        return print_json(&json!({ "count": total, "products": products }));
    }
    let mut rows: Vec<_> = counts.into_iter().map(|(product, n)| vec![product, n.to_string()]).collect();
    if rows.len() != 1 && !args.csv {
        rows.push(vec!["all together".to_owned(), total.to_string()]);
    }
    printed(args, &["product", "count"], rows)
}

fn printed(args: &CountArgs, headings: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
    if !args.csv {
        return print_table(headings, rows);
    }
    let mut csv = Csv::new(headings)?;
    rows.iter().try_for_each(|row| csv.push(row))?;
    csv.finish()
}

/// The search of words of which the first may be names of products: as few of them as leave terms that read.
fn names_and_terms(words: &[String], more: &[String]) -> Result<Search, Failure> {
    let is_name = |word: &String| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
    let most = words.iter().take_while(|word| is_name(word)).count();
    // Of the ways to read it, the one that gets furthest says best what is wrong.
    let mut refusal: Option<(usize, SearchError)> = None;
    for names in 0..=most {
        let terms = words[names..].iter().chain(more).map(String::as_str).collect::<Vec<_>>().join(" ");
        let error = match Search::parse(&terms) {
            Ok(mut search) => {
                search.products.extend(words[..names].iter().cloned());
                return Ok(search);
            }
            Err(error) => error,
        };
        let before: usize = words[..names].iter().map(|word| word.chars().count() + 1).sum();
        let reached = if let SearchError::Syntax { column, .. } = &error { before + column } else { usize::MAX };
        if refusal.as_ref().is_none_or(|(furthest, _)| reached > *furthest) {
            refusal = Some((reached, error));
        }
    }
    Err(refusal.map_or(Failure::Told, |(_, error)| cube::Error::from(error).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Search {
        let words: Vec<String> = text.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect();
        names_and_terms(&words, &[]).unwrap()
    }

    #[test]
    fn names_come_before_terms() {
        assert_eq!(read("").products, [] as [&str; 0]);
        assert_eq!(read("a b_2").products, ["a", "b_2"]);
        assert_eq!(read("cloud_cover < 5").products, [] as [&str; 0]);
        let mixed = read("a b time in 2034 not cloud_cover in [1, 2]");
        assert_eq!((mixed.products.len(), mixed.times.len(), mixed.fields.len()), (2, 1, 1));
        assert_eq!(read("a product=b").products, ["b", "a"]);
        let words = ["lake", "time", "in", "[2034"].map(str::to_owned);
        let Err(Failure::Usage(sentence)) = names_and_terms(&words, &[]) else { panic!() };
        assert!(sentence.contains("a comma or ]"), "{sentence}");
    }
}
