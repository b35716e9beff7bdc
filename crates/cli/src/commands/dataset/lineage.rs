//! `cube dataset lineage`.

use std::fmt::Write as _;
use std::io::Write;

use clap::{Args, Subcommand};
use cube::{Below, Direction, Lineage, LineageEdge, LineageTree, MergeOptions, Uuid, lineage_from_files};
use serde_json::{Value, json};

use super::{parse, parse_one};
use crate::args::{Global, Json};
use crate::output::{Failure, count, print_json, print_table, say};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct LineageArgs {
    #[command(subcommand)]
    command: Option<LineageCommand>,
    /// The dataset; it need not be in this catalog
    #[arg(required = true, value_name = "ID")]
    id: Option<String>,
    /// What was made from it, instead of what it was made from
    #[arg(short, long)]
    derived: bool,
    /// How many levels [default: all]
    #[arg(long, alias = "max-depth", value_name = "N")]
    depth: Option<usize>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Subcommand)]
enum LineageCommand {
    /// Add lineage, of datasets that need not be in this catalog
    Add(AddArgs),
    /// Remove lineage
    Remove(RemoveArgs),
    /// The names of the catalogs where datasets are at home
    #[command(subcommand)]
    Home(HomeCommand),
}

#[derive(Debug, Args)]
#[command(
    after_help = "A file holds trees ({id: ID, home: NAME, sources: {CLASSIFIER: [ID or tree, …]}}; derivations instead of sources for what\nwas made from it), dataset documents, or edges ({derived: ID, classifier: NAME, source: ID}), one or a list.\n`cube dataset lineage ID --json` writes such a tree."
)]
struct AddArgs {
    /// Files of lineage (YAML or JSON; - for standard input), or with --source the dataset that was made
    #[arg(required = true, value_name = "FILE|ID")]
    what: Vec<String>,
    /// What it was made from; repeat for several
    #[arg(long, value_name = "CLASSIFIER=ID")]
    source: Vec<String>,
    /// How many levels of trees count [default: all]
    #[arg(long, alias = "max-depth", value_name = "N", conflicts_with = "source")]
    depth: Option<usize>,
    /// Change classifiers and homes that are there and differ
    #[arg(long)]
    allow_updates: bool,
    /// Check everything, write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct RemoveArgs {
    /// The dataset
    #[arg(value_name = "ID")]
    id: String,
    /// Only these sources; repeat for several [default: all sources, level by level]
    #[arg(long, value_name = "CLASSIFIER=ID", conflicts_with_all = ["derived", "depth"])]
    source: Vec<String>,
    /// What was made from it, instead of what it was made from
    #[arg(short, long)]
    derived: bool,
    /// How many levels [default: all]
    #[arg(long, alias = "max-depth", value_name = "N")]
    depth: Option<usize>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Subcommand)]
enum HomeCommand {
    /// Print the homes of datasets
    Show {
        /// Dataset ids
        #[arg(required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Set the home of datasets
    Set {
        /// The name of the catalog
        home: String,
        /// Dataset ids
        #[arg(required = true)]
        ids: Vec<String>,
        /// Change homes that are there and differ
        #[arg(long)]
        allow_updates: bool,
    },
    /// Forget the homes of datasets
    Clear {
        /// Dataset ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

const fn direction(derived: bool) -> Direction {
    if derived { Direction::Derived } else { Direction::Sources }
}

pub(crate) fn run(global: &Global, args: LineageArgs) -> Result<(), Failure> {
    match args.command {
        None => tree(global, &args),
        Some(LineageCommand::Add(args)) => add(global, &args),
        Some(LineageCommand::Remove(args)) => remove(global, &args),
        Some(LineageCommand::Home(command)) => home(global, command),
    }
}

fn tree(global: &Global, args: &LineageArgs) -> Result<(), Failure> {
    let id = parse_one(args.id.as_deref().unwrap_or_default())?;
    let direction = direction(args.derived);
    let tree = crate::commands::open(global)?.lineage_tree(id, direction, args.depth)?;
    if args.json.json {
        return print_json(&tree.to_document(direction));
    }
    let mut lines = Vec::new();
    draw(&tree, None, "", "", &mut lines);
    let mut out = std::io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    let others = tree.ids().len() - 1;
    let what = if args.derived { "derived dataset" } else { "source dataset" };
    say(global, &count(others, what));
    Ok(())
}

/// Draws a node and what stands below it, one line each.
fn draw(tree: &LineageTree, classifier: Option<&str>, branch: &str, indent: &str, lines: &mut Vec<String>) {
    let mut line = format!("{branch}{}", classifier.map(|name| format!("{name}: ")).unwrap_or_default());
    let _ = write!(line, "{} {}", tree.id, tree.product.as_deref().unwrap_or("(not in this catalog)"));
    if tree.archived {
        line.push_str(", archived");
    }
    if let Some(home) = &tree.home {
        let _ = write!(line, ", at home in {home}");
    }
    line.push_str(match tree.below {
        Below::Everything => "",
        Below::Deeper => ", … and more below",
        Below::Elsewhere => ", see its other place",
        Below::Circle => ", a circle: it stands above itself",
    });
    lines.push(line);
    let children = tree.children.iter().flat_map(|(name, trees)| trees.iter().map(move |child| (name, child)));
    let children: Vec<_> = children.collect();
    for (n, (name, child)) in children.iter().enumerate() {
        let last = n + 1 == children.len();
        let (branch, rest) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        draw(child, Some(name), &format!("{indent}{branch}"), &format!("{indent}{rest}"), lines);
    }
}

/// The edges of `--source CLASSIFIER=ID`.
fn edges(derived: Uuid, sources: &[String]) -> Result<Vec<LineageEdge>, Failure> {
    let edge = |text: &String| {
        let Some((classifier, source)) = text.split_once('=') else {
            return Err(Failure::Usage(format!("--source {text:?}: expected CLASSIFIER=ID, such as level1={derived}")));
        };
        Ok(LineageEdge { derived, classifier: classifier.trim().to_owned(), source: parse_one(source.trim())? })
    };
    sources.iter().map(edge).collect()
}

fn add(global: &Global, args: &AddArgs) -> Result<(), Failure> {
    let lineage = match (&args.what[..], args.source.is_empty()) {
        (_, true) => lineage_from_files(&args.what, args.depth)?,
        ([id], false) => Lineage { edges: edges(parse_one(id)?, &args.source)?, ..Lineage::default() },
        _ => return Err(Failure::Usage("--source is of one dataset: give one id".to_owned())),
    };
    let options = MergeOptions { allow_updates: args.allow_updates, dry_run: args.dry_run };
    let report = crate::commands::open(global)?.merge_lineage(&lineage, options)?;
    if args.json.json {
        return print_json(&json!({
            "dry_run": args.dry_run, "added": report.added, "changed": report.changed, "present": report.present,
            "homes": report.homes,
        }));
    }
    let head = if args.dry_run { "dry run, nothing written: " } else { "" };
    let mut sentence = format!("{head}{} added", count(report.added, "edge"));
    for (n, what) in [(report.changed, "changed"), (report.present, "there already")] {
        if n > 0 {
            let _ = write!(sentence, ", {n} {what}");
        }
    }
    if report.homes > 0 {
        let _ = write!(sentence, ", {} set", count(report.homes, "home"));
    }
    say(global, &sentence);
    Ok(())
}

fn remove(global: &Global, args: &RemoveArgs) -> Result<(), Failure> {
    let id = parse_one(&args.id)?;
    let dc = crate::commands::open(global)?;
    let removed = if args.source.is_empty() {
        dc.remove_lineage(id, direction(args.derived), args.depth)?
    } else {
        dc.remove_lineage_edges(&edges(id, &args.source)?)?
    };
    if args.json.json {
        return print_json(&json!({ "removed": removed }));
    }
    say(global, &format!("{} removed", count(removed, "edge")));
    Ok(())
}

fn home(global: &Global, command: HomeCommand) -> Result<(), Failure> {
    let dc = crate::commands::open(global)?;
    match command {
        HomeCommand::Show { ids, json } => {
            let homes = dc.homes(&parse(&ids)?)?;
            if json.json {
                let list = homes.iter().map(|(id, home)| json!({ "id": id, "home": home })).collect::<Vec<Value>>();
                return print_json(&Value::from(list));
            }
            if homes.is_empty() {
                say(global, "no homes");
                return Ok(());
            }
            print_table(&["id", "home"], homes.into_iter().map(|(id, home)| vec![id.to_string(), home]).collect())
        }
        HomeCommand::Set { home, ids, allow_updates } => {
            let n = dc.set_home(&home, &parse(&ids)?, allow_updates)?;
            say(global, &format!("{} set", count(n, "home")));
            Ok(())
        }
        HomeCommand::Clear { ids } => {
            let n = dc.clear_home(&parse(&ids)?)?;
            say(global, &format!("{} cleared", count(n, "home")));
            Ok(())
        }
    }
}
