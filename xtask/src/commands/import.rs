//! `import ADDRESS ID` and `import --terraform-state FILE`: adopt what was made elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use engine::adopt::{self, Adopted, Already, Candidate, Match, Refusal, Request, Survey};
use engine::event::Events;
use engine::session::Purpose;
use engine::{Graph, Surroundings};
use terraform::{Becomes, Instance, StateFile};

use super::plan::{Prepared, prepare};
use crate::app::{App, pseudo};
use crate::cli::{CloudName, ImportArgs};
use crate::display::import::{Left, Report, document, text};
use crate::display::words::count;
use crate::display::{data, json as print_json, talk};
use crate::error::{About, Error, Result, status};

/// Adopts, or shows what would be adopted.
pub async fn run(app: &App, args: &ImportArgs) -> Result<()> {
    let file = args.terraform_state.as_deref().map(read).transpose()?;
    let name = app.environment()?;
    if !args.dry_run {
        app.lock(&name, "import").await?;
    }
    let purpose = if args.dry_run { Purpose::Look } else { Purpose::Write };
    let mut prepared = prepare(app, Events::default(), purpose).await?;
    if !args.dry_run {
        super::rebuild::mend(app, &prepared.place, &mut prepared.session).await?;
    }
    let surroundings = app.surroundings(&prepared.loaded.name, &prepared.place);

    let mut report = match (&file, &args.address, &args.id) {
        (Some(file), ..) => of_terraform(&prepared, &surroundings, file).await,
        (None, Some(address), Some(id)) => of_one(&prepared, &surroundings, address, id).await?,
        _ => return Err(Error::told("an address and an id are needed, or --terraform-state FILE")),
    };
    report.dry_run = args.dry_run;
    if !app.global.json {
        talk(format_args!("{} on {}", report.environment, report.cloud));
        data(text(&report));
    }
    if !args.dry_run {
        report.adopted = carry_out(app, &mut prepared, &surroundings, &report.survey.matched).await?;
    }
    conclude(app, &report)
}

fn read(path: &Path) -> Result<StateFile> {
    let mut content = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().read_to_string(&mut content)?;
    } else {
        content = std::fs::read_to_string(path).about(path)?;
    }
    terraform::read(&content)
        .map_err(|error| Error::told(format!("{} cannot be read as a Terraform state", path.display())).detail(error))
}

impl Prepared {
    fn report(&self, survey: Survey) -> Report {
        Report { environment: self.loaded.name.clone(), cloud: self.place.id.clone(), survey, ..Report::default() }
    }
}

async fn of_one(prepared: &Prepared, surroundings: &Surroundings, address: &str, id: &str) -> Result<Report> {
    let pseudo = pseudo(&prepared.place.account, &prepared.loaded.settings.region);
    let state = &prepared.session.state;
    let request = Request { graph: &prepared.graph, state, pseudo: &pseudo, surroundings };
    let mut survey = Survey::default();
    let mut notes = BTreeMap::new();
    match adopt::one(request, address, id).await {
        Ok(matched) => {
            if matched.candidate.id != id {
                let note = format!("`{id}` is another name of it: its id is {}", matched.candidate.id);
                notes.insert(matched.candidate.label.clone(), note);
            }
            survey.matched.push(matched);
        }
        Err(Refusal::Already(entry)) if entry.address.as_str() == address && entry.id == id => {
            let candidate = Candidate {
                type_name: entry.type_name.clone(),
                region: entry.region.clone(),
                id: entry.id.clone(),
                label: String::new(),
                implied: false,
            };
            survey.already.push(Already { address: entry.address.clone(), candidate });
        }
        Err(refusal) => return Err(refused(&refusal, &prepared.graph)),
    }
    Ok(Report { notes, ..prepared.report(survey) })
}

fn refused(refusal: &Refusal, graph: &Graph) -> Error {
    let told = Error::told(refusal.to_string());
    match refusal {
        Refusal::Undeclared { near: Some(near), .. } => told.hint(format!("did you mean `{near}`?")),
        Refusal::Undeclared { near: None, .. } => told.hint("`cargo xtask graph` names all that is declared"),
        Refusal::Already(entry) => told.hint(format!(
            "if that is wrong: `cargo xtask state rm {0}` forgets it, `cargo xtask state mv {0} OTHER` gives it another address",
            entry.address
        )),
        Refusal::Nothing { id, other, .. } if !other.is_empty() => {
            let declared = graph.nodes.iter().filter(|node| other.contains(&node.type_name));
            let addresses: Vec<&str> = declared.map(|node| node.address.as_str()).collect();
            told.detail(format!("`{id}` is an {}", other.join(" or an "))).hint(match &addresses[..] {
                [address] => format!("did you mean `{address}`?"),
                _ => format!("declared of that type: {}", addresses.join(", ")),
            })
        }
        Refusal::Nothing { type_name, .. } => {
            told.hint(format!("the id is what `Ref` gives for {type_name} in CloudFormation; is it the right region?"))
        }
        Refusal::Foreign { environment, .. } => told.hint(format!(
            "it can be in one state only: `cargo xtask state rm` it in {environment} and remove its tag first"
        )),
        Refusal::Failed(failure) => match &failure.hint {
            Some(hint) => told.hint(hint),
            None => told,
        },
        _ => told,
    }
}

async fn of_terraform(prepared: &Prepared, surroundings: &Surroundings, file: &StateFile) -> Report {
    let region = &prepared.loaded.settings.region;
    let pseudo = pseudo(&prepared.place.account, region);
    let state = &prepared.session.state;
    let request = Request { graph: &prepared.graph, state, pseudo: &pseudo, surroundings };
    let candidates = file.instances.iter().flat_map(|instance| candidates(instance, region)).collect();
    let survey = adopt::survey(request, candidates).await;
    let mut report = prepared.report(survey);
    let matched: BTreeSet<String> =
        report.survey.matched.iter().map(|one| one.candidate.label.clone()).filter(|label| !label.is_empty()).collect();
    report.left = file.instances.iter().filter_map(|instance| left(instance, &matched)).collect();
    // A replaced object has the address of the one in its place.
    let is_tainted = |instance: &&Instance| instance.tainted && instance.deposed.is_none();
    report.notes = file.instances.iter().filter(is_tainted).map(tainted).collect::<BTreeMap<_, _>>();
    for (address, words) in file.instances.iter().filter_map(|instance| unplaced(instance, region)) {
        let unmatched = report.survey.unmatched.iter_mut().filter(|one| one.candidate.label == address);
        unmatched.for_each(|one| one.why = format!("{}; {words}", one.why));
        let note = report.notes.remove(&address).map_or(words.clone(), |note| format!("{note}; {words}"));
        report.notes.insert(address, note);
    }
    report.data_sources = file.data_sources;
    report.terraform = Some((file.terraform_version.clone(), file.serial, file.instances.len()));
    report
}

fn tainted(instance: &Instance) -> (String, String) {
    (instance.address.clone(), "tainted: Terraform wanted to replace it".to_owned())
}

/// What to say of an instance of which nothing tells where it is.
fn unplaced(instance: &Instance, region: &str) -> Option<(String, String)> {
    let alias = instance.unplaced.as_deref().filter(|_| instance.deposed.is_none())?;
    let words = format!("the file does not tell the region of its provider `{alias}`: it was looked for in {region}");
    Some((instance.address.clone(), words))
}

/// What of an instance may be ours. A replaced object that Terraform had still to delete is not.
fn candidates(instance: &Instance, region: &str) -> Vec<Candidate> {
    let targets = match &instance.becomes {
        _ if instance.deposed.is_some() => return Vec::new(),
        Becomes::Ours(targets) | Becomes::PartOf { apart: targets, .. } => targets,
        _ => return Vec::new(),
    };
    let candidate = |target: &terraform::Target| Candidate {
        type_name: target.type_name.to_owned(),
        region: instance.region.clone().unwrap_or_else(|| region.to_owned()),
        id: target.id.clone(),
        label: instance.address.clone(),
        implied: target.implied,
    };
    targets.iter().map(candidate).collect()
}

/// Why an instance was not even looked at, if it was not.
fn left(instance: &Instance, matched: &BTreeSet<String>) -> Option<Left> {
    let (type_name, why, part) = match &instance.becomes {
        Becomes::Ours(targets) => match &instance.deposed {
            Some(key) => {
                let why = format!("deposed ({key}): replaced, and Terraform had still to delete it");
                (targets.first().map(|target| target.type_name), why, false)
            }
            None => return None,
        },
        Becomes::PartOf { .. } if matched.contains(&instance.address) => return None,
        Becomes::PartOf { type_name, why, .. } => (Some(*type_name), format!("part of {type_name}: {why}"), true),
        Becomes::WithoutId { type_name, why } => (Some(*type_name), (*why).to_owned(), false),
        Becomes::Unhandled { type_name } => (Some(*type_name), format!("{type_name} is not handled yet"), false),
        Becomes::Unknown => (None, format!("{} is not known here", instance.type_name), false),
        Becomes::Elsewhere => (None, "no resource of AWS: there is nothing to adopt".to_owned(), true),
    };
    Some(Left { label: instance.address.clone(), type_name: type_name.map(str::to_owned), why, expected: part })
}

async fn carry_out(
    app: &App,
    prepared: &mut Prepared,
    surroundings: &Surroundings,
    matched: &[Match],
) -> Result<Adopted> {
    let question = format!("Adopt {} on {}?", count(matched.len(), "resource"), prepared.place.id);
    if !matched.is_empty() && app.global.cloud == CloudName::Aws && !app.confirm(&question)? {
        return Err(Error::told("nothing was done"));
    }
    Ok(adopt::carry_out(&mut prepared.session, &prepared.graph, surroundings, matched, "import").await?)
}

/// Goes on with an import that was cut off: before anything else is changed.
pub async fn finish(app: &App, prepared: &mut Prepared) -> Result<()> {
    let surroundings = app.surroundings(&prepared.loaded.name, &prepared.place);
    let pseudo = pseudo(&prepared.place.account, &prepared.loaded.settings.region);
    let Adopted { done, unmarked } =
        adopt::finish(&mut prepared.session, &prepared.graph, &pseudo, &surroundings).await?;
    if !done.is_empty() && !app.global.json {
        talk(format_args!("An import was cut off: {} of it now tagged.", count(done.len(), "resource")));
    }
    let Some((address, failure)) = unmarked.first() else { return Ok(()) };
    let told = Error::told(format!("{address} was imported, and still cannot be tagged: {failure}"));
    let told = match &failure.hint {
        Some(hint) => told.detail(hint),
        None => told,
    };
    let next = "nothing else was done; once it can be tagged, the same command finishes the import";
    Err(told.hint(format!("{next}; `cargo xtask state rm {address}` gives it up")))
}

fn conclude(app: &App, report: &Report) -> Result<()> {
    let unmarked = &report.adopted.unmarked;
    if app.global.json {
        print_json(&document(report));
    } else {
        for (address, failure) in unmarked {
            talk(format_args!("{address} is in the state, but could not be tagged: {failure}"));
        }
        talk(format_args!("{}", summary(report)));
    }
    match unmarked.is_empty() {
        true => Ok(()),
        // What could not be tagged is in the state: something was done in any case.
        false => Err(Error::Exit(status::PARTLY)),
    }
}

fn summary(report: &Report) -> String {
    let Survey { matched, already, unmatched, missing } = &report.survey;
    let left = unmatched.len() + report.left.iter().filter(|left| !left.expected).count();
    let rest = format!("{} already, {left} not adopted, {} declared and not there", already.len(), missing.len());
    match (report.dry_run, matched.len(), report.adopted.done.len()) {
        (true, matched, _) => format!("Import: {matched} would be adopted, {rest}. Nothing was changed."),
        (false, 0, _) => format!("Import: nothing to adopt, {rest}."),
        (false, _, done) => {
            format!("Import: {done} adopted, {rest}. `cargo xtask plan` shows what really differs.")
        }
    }
}
