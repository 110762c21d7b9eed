//! What other replicas have noted down on a machine of their requests about its power.
//!
//! Each is taken for one of this replica's own that is not answered: the machine is not said to be off while one may turn it
//! on. What is never answered is taken away when it cannot have an effect any more, by whoever sees that first.

use super::Service;
use super::commands::Machine;
use crate::model::{PowerNote, RequestId, Unanswered, VmId};
use crate::time::{Instant, Now};
use crate::view::Vm;

impl Service {
    /// The last request about a machine's power that is known to have been carried out.
    pub(super) fn known_last(&self, vm: &VmId) -> Option<RequestId> {
        let note = self.inventory.system(vm)?.machine.power_note.as_ref()?;
        note.last.map(|last| last.request)
    }

    /// Takes in what stands on a machine.
    pub(super) fn follow_power_note(&mut self, now: Now, vm: &VmId) {
        let replica = self.replica;
        let note = self.inventory.system(vm).and_then(|known| known.machine.power_note.as_deref());
        let others = |id: RequestId| id.replica != replica;
        let Some(note) = note else { return };
        let noted = note.unanswered.iter().filter(|(id, _)| others(*id));
        let machine = self.commands.machine(vm);
        if noted.clone().next().is_none() && machine.is_none_or(|machine| machine.unanswered.is_empty()) {
            return;
        }
        let machine = self.commands.machine_or_new(vm);
        machine.forget_what_is_over(now.mono, Some(note));
        let stands = |id: RequestId| note.unanswered.iter().any(|(noted, _)| *noted == id);
        for request in std::mem::take(&mut machine.unanswered) {
            let answered = request.note.is_some_and(|id| others(id) && !stands(id));
            machine.unanswered.extend(if answered { request.answered(now.mono) } else { Some(request) });
        }
        for (id, effect) in noted {
            if machine.unanswered.iter().all(|request| request.note != Some(*id)) {
                let (effect, note) = (*effect, Some(*id));
                machine.unanswered.push(Unanswered { effect, sent: now.mono, supposes: None, telling: false, note });
            }
        }
        let over = machine.unanswered.iter().map(Unanswered::over).filter(|over| *over > now.mono).min();
        if let Some(over) = over {
            self.look_again(over, vm);
        }
        self.commands.touch(vm);
    }

    /// Whether a note stands on a machine of what has been answered, or cannot have an effect any more.
    pub(super) fn has_stale_request(&self, now: Now, vm: &Vm) -> bool {
        let Some(note) = vm.machine.power_note.as_ref().filter(|note| !note.unanswered.is_empty()) else {
            return false;
        };
        let machine = self.commands.machine(&vm.machine.id);
        let is_stale = |id: RequestId| {
            let known = machine.and_then(|machine| machine.unanswered.iter().find(|request| request.note == Some(id)));
            // Its own are unanswered, or of a command that goes on; others' are known since they were seen.
            known.map_or(id.replica == self.replica, |known| known.over() <= now.mono)
        };
        let busy = machine.is_some_and(Machine::is_busy);
        !busy && note.unanswered.iter().any(|(id, _)| is_stale(*id))
    }
}

impl Machine {
    /// What cannot have an effect any more is forgotten; what is noted down on the machine, not before the note has gone.
    pub(super) fn forget_what_is_over(&mut self, now: Instant, note: Option<&PowerNote>) {
        let stands = |id: RequestId| note.is_some_and(|note| note.unanswered.iter().any(|(noted, _)| *noted == id));
        self.unanswered.retain(|request| request.over() > now || request.note.is_some_and(stands));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::PowerEffect;

    /// Otherwise every request that is never answered would be kept for as long as the machine is there.
    #[test]
    fn what_is_over_is_kept_no_longer_than_its_note() {
        let id = |number| RequestId { replica: 1, number };
        let sent = Instant::new(Duration::from_secs(1));
        let effect = PowerEffect::TurnsOn;
        let request = |note| Unanswered { effect, sent, supposes: None, telling: false, note };
        let unanswered = vec![request(None), request(Some(id(1))), request(Some(id(2)))];
        let mut machine = Machine::default();
        machine.unanswered.clone_from(&unanswered);
        let note = PowerNote { last: None, unanswered: [(id(2), effect)].into() };
        machine.forget_what_is_over(sent, Some(&note));
        assert_eq!(machine.unanswered, unanswered, "none is over yet");
        let later = request(None).over();
        machine.forget_what_is_over(later, Some(&note));
        assert_eq!(machine.unanswered, [request(Some(id(2)))]);
        machine.forget_what_is_over(later, None);
        assert_eq!(machine.unanswered, []);
    }
}
